package cmdutil

import (
	"errors"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
)

// A directory whose domains cannot be read is closed again.
func TestOpenDirectoryClosesAfterAFailure(t *testing.T) {
	server := ldaptest.Start(t, ldaptest.Options{Suffixes: []string{"o=isp"}, Entries: []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}})
	registry, err := config.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := config.Parse([]byte(paramDCRoot + "=o=isp\n" + paramSchemaLevel + "=1\n"))
	if err != nil {
		t.Fatal(err)
	}
	ds := NewFactory(&Environment{Getenv: func(string) string { return "" }}).Directories
	o := &DirectoryOptions{}
	o.Hosts, o.idle, o.connectTimeout = []string{server.URL()}, time.Minute, time.Minute
	if _, err := ds.Open(t.Context(), o, &HomeConfig{Registry: registry, Document: doc}); !errors.Is(err, directory.ErrNoDomains) {
		t.Fatalf("got error %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); server.Open() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are still open", server.Open())
		}
	}
}
