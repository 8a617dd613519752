package servertest

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// Two servers run side by side, each with its users, and leave nothing behind.
func TestCyrus(t *testing.T) {
	t.Parallel()
	users := [][]string{{"u1", "u2"}, nil}
	var servers []*CyrusServer
	for _, names := range users {
		servers = append(servers, Cyrus(t, CyrusOptions{Users: names}))
	}
	for i, s := range servers {
		for _, name := range []string{"u1", "u2", "u3"} {
			want := http.StatusUnauthorized
			if slices.Contains(users[i], name) {
				want = http.StatusMultiStatus
			}
			at := strings.TrimSuffix(s.URL, "/ischedule") + "/dav/calendars/user/" + name + "/Default/"
			if got, err := s.request(t.Context(), "PROPFIND", at, name); err != nil || got != want {
				t.Errorf("server %d, %s: status %d, %v", i, name, got, err)
			}
		}
	}
	for _, s := range servers {
		for range 2 {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
			t.Errorf("the directory: %v", err)
		}
		for _, port := range s.ports {
			if !isFree(port) {
				t.Errorf("port %d is still in use", port)
			}
		}
	}
}

// Stop reports a server that had ended by itself.
func TestCyrusEndsEarly(t *testing.T) {
	t.Parallel()
	s, err := StartCyrus(t.Context(), "", CyrusOptions{})
	if err != nil {
		if _, missing := err.(*NotInstalledError); missing && testing.Short() { //nolint:errorlint // it is not wrapped
			t.Skip(err)
		}
		t.Fatal(err)
	}
	if err := s.process.os.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.process.done
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("%v", err)
	}
}
