package calobj_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing but this package puts components into a store: whatever comes from outside has
// been read and checked, and its index is right. What only moves or restores components does
// not call these methods.
func TestNoOtherPuts(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	for _, dir := range []string{"cmd", "internal", "pkg", "scripts"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			found, err := puts(path)
			if err != nil {
				return err
			}
			if mayPut(filepath.ToSlash(path)) {
				seen += len(found)
				return nil
			}
			for _, at := range found {
				t.Errorf("%s: puts a component into a store without package calobj", at)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 3 {
		t.Errorf("only %d uses were found at all, so this test looks at the wrong names", seen)
	}
}

// mayPut reports whether a file belongs to this package, to the store, or to a test.
func mayPut(path string) bool {
	return strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/pkg/calobj/") || strings.Contains(path, "/pkg/store/")
}

// puts returns where a file mentions a method of a store that puts components, whether or not
// it calls it there.
func puts(path string) (found []token.Position, err error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		return nil, err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "PutComponent" || s.Sel.Name == "LoadComponents") {
			found = append(found, set.Position(s.Pos()))
		}
		return true
	})
	return found, nil
}
