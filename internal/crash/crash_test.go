package crash_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/crash"
)

func TestGo(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		f    func() error
		want string
	}{
		{func() error { return nil }, ""},
		{func() error { return failed }, "failed"},
		{func() error { panic("lost") }, "internal error: lost (crash_test.go:"},
		{func() error { return index(nil) }, "internal error: runtime error: index out of range [0] with length 0 (crash_test.go:"},
	} {
		done := make(chan error)
		crash.Go(c.f, func(err error) { done <- err })
		text := ""
		if err := <-done; err != nil {
			text = err.Error()
		}
		if !strings.HasPrefix(text, c.want) || (text == "") != (c.want == "") {
			t.Errorf("%q, want %q", text, c.want)
		}
	}
}

func index(list []error) error { return list[0] }

// A panic of one of the goroutines reaches the one that waits, with its place, after all
// have ended.
func TestGroup(t *testing.T) {
	ended := 0
	err := crash.Catch(func() error {
		var inner, outer crash.Group
		defer func() { ended++ }()
		outer.Go(func() {
			inner.Go(func() { _ = index(nil) })
			inner.Wait()
		})
		outer.Wait()
		return nil
	})
	var e *crash.Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Place, "crash_test.go:") || ended != 1 {
		t.Errorf("%v, %d", err, ended)
	}
	var g crash.Group
	g.Go(func() {})
	g.Wait()
}

// Only this package starts goroutines, so that no panic ends the process with a stack
// trace. context.AfterFunc is allowed: what is called there only closes something.
func TestNoOtherGoroutines(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, dir := range []string{"cmd", "internal", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || onlyForTests(path) {
				return err
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			for _, p := range starts(f) {
				t.Errorf("%s: starts a goroutine without package crash", set.Position(p))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// onlyForTests reports whether a file is only part of tests, or of package crash itself.
func onlyForTests(path string) bool {
	for _, dir := range []string{"internal/crash", "internal/ldaptest", "internal/servertest", "pkg/store/storetest"} {
		if strings.Contains(filepath.ToSlash(path), "/"+dir+"/") {
			return true
		}
	}
	return false
}

// starts returns where a file starts goroutines: go statements, time.AfterFunc, and the
// method Go of anything but what is declared as a crash.Group.
func starts(f *ast.File) (found []token.Pos) {
	groups := map[string]bool{}
	isGroup := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "Group" && isName(s.X, "crash")
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for _, name := range n.Names {
				groups[name.Name] = groups[name.Name] || isGroup(n.Type)
			}
		case *ast.Field:
			for _, name := range n.Names {
				groups[name.Name] = groups[name.Name] || isGroup(n.Type)
			}
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, n.Pos())
		case *ast.CallExpr:
			s, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				break
			}
			switch s.Sel.Name {
			case "Go":
				if isName(s.X, "crash") || groups[lastName(s.X)] {
					break
				}
				found = append(found, n.Pos())
			case "AfterFunc":
				if isName(s.X, "time") {
					found = append(found, n.Pos())
				}
			}
		}
		return true
	})
	return found
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
