package directory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
)

// A base that does not exist is said to be missing by 389 Directory Server too, whose answer
// to a paged search has neither entries nor an error.
func TestMissingBaseOn389(t *testing.T) {
	s := servertest.DS(t, servertest.DSOptions{Options: servertest.Options{Reader: true}})
	for _, base := range []string{"o=nix", "ou=nix,o=isp"} {
		l := openLive(t, Options{URLs: []string{s.URL}, BindDN: s.ReaderDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil }, PageSize: 100, BasesFrom: "from -B"})
		q := liveUsers()
		q.Bases = []string{base}
		var last error
		for _, err := range l.Entries(t.Context(), q) {
			last = err
		}
		var missing *BaseError
		if !errors.As(last, &missing) || missing.Base != base || !strings.HasSuffix(last.Error(), "the base '"+base+"' (from -B) does not exist; the server holds: 'o=isp'") {
			t.Errorf("%v", last)
		}
	}
}
