package calio_test

import (
	"fmt"
	"testing"

	"github.com/davadmin/davadmin/pkg/calio"
)

func TestRepeatedUIDs(t *testing.T) {
	u := calio.NewUIDs(t.TempDir())
	defer func() { _ = u.Close() }()
	for i := range 1000 {
		for range 1 + i%3 { // 1, 2 or 3 times
			if err := u.Add(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := u.Repeated(); n != 333*3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
