package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// TestConformance runs the conformance suite on files.
func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Engine{
		Name: "sqlite",
		New: func(t testing.TB) string {
			path := filepath.Join(t.TempDir(), "a b%20#?.db") // a name that has to be escaped
			if err := sqlite.Create(t.Context(), sqlite.Options{Path: path, Backend: storetest.Backend}); err != nil {
				t.Fatal(err)
			}
			return path
		},
		Open: func(ctx context.Context, path string, o storetest.Options) (store.Store, error) {
			s, err := sqlite.Open(ctx, sqlite.Options{Path: path, Backend: o.Backend, Now: o.Now})
			if err != nil {
				return nil, err // not a nil *sqlite.Store in an interface
			}
			return s, nil
		},
	})
}
