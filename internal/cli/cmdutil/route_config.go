package cmdutil

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/route"
)

// RouteConfig returns the settings by which the server of a home routes addresses.
func RouteConfig(h *HomeConfig) (route.Config, error) {
	c := route.Config{
		MailFilter: h.Value("davcore.uriinfo.emailsearchfiltertemplate"), LocalAttr: h.Value(paramLocalUser),
		Fetched: config.SplitList(h.Value("davcore.uriinfo.subjectattributes")), Store: h.Names().Store, Backend: "defaultbackend", Backends: h.Backends(),
	}
	path := filepath.Join(filepath.Dir(h.Path), filepath.Base(config.DomainMapFile))
	b, _, err := fsx.ReadLimited(path, 64<<20)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = nil, nil // then no domain is on an old server
	}
	if err != nil {
		return c, err
	}
	if err := checkEncoding(path, b); err != nil {
		return c, err
	}
	m, err := config.ParseDomainMap(b)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	c.Peer = func(domain string) (route.Peer, bool) {
		e, ok := m.Lookup(domain)
		return route.Peer{URL: config.MaskDomainURL(e.URL), File: path, Line: e.Line}, ok
	}
	return c, nil
}
