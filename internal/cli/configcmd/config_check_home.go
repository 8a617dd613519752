package configcmd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// homePaths looks at the files and directories of a home whose modes and owners are
// checked. text is the configuration, which may be invalid.
func (o *configCheck) homePaths(home string, registry *config.Registry, path string, text []byte) []config.HomePath {
	l := &homeLook{home: home}
	l.add("", "the home", open)
	l.add("config/davadmin.properties", "the clifile", open)
	l.add(cmdutil.VaultFile, "the vault", key)
	if path, found := o.vaults.FindKey(&o.HomeOptions, home); found {
		l.look(path, "the key of the vault", key)
	}
	l.add("history", "the history", private)
	for _, name := range []string{"journal.jsonl", "journal.last", "versions", "accounts", "ldap"} {
		l.add("history/"+name, "a part of the history", private)
	}
	l.add("data", "the directory of the data", open)
	for _, at := range o.locations(home, registry, path, text) {
		l.stores(at)
	}
	return l.paths
}

// locations returns where the stores are. If the configuration is invalid, which has
// findings of its own, only the directory of the default is known.
func (o *configCheck) locations(home string, registry *config.Registry, path string, text []byte) []backends.Location {
	if doc, err := config.Parse(text); err == nil {
		set, err := o.stores.Backends(&o.HomeOptions, home, &cmdutil.HomeConfig{Path: path, Document: doc, Registry: registry}, 0)
		if err == nil {
			return set.Locations()
		}
	}
	name := cmdutil.BuiltinBackend
	return []backends.Location{{Backend: name, File: filepath.Join(home, "data", "db", name+cmdutil.StoreSuffix)}}
}

// secrecy is who may read a file of a home.
type secrecy int

const (
	open    secrecy = iota // its own rules, if any, say so
	private                // only its owner
	key                    // only its owner: it contains passwords or opens what does
)

// homeLook collects what is known about the paths of a home.
type homeLook struct {
	home  string
	paths []config.HomePath
}

// add looks at a path of the home, if it exists. The name has slashes.
func (l *homeLook) add(name, what string, s secrecy) {
	l.look(filepath.Join(l.home, filepath.FromSlash(name)), what, s)
}

func (l *homeLook) look(path, what string, s secrecy) {
	if slices.ContainsFunc(l.paths, func(p config.HomePath) bool { return p.Path == path }) {
		return
	}
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	p := config.HomePath{Path: path, What: what, Info: fi, Err: err, Private: s != open, Key: s == key, UID: -1, GID: -1}
	if err == nil {
		p.UID, p.GID, p.Owner = fsx.OwnerOf(fi)
		p.Reach = l.reach(path)
	}
	l.paths = append(l.paths, p)
}

// reach returns the execute bits that the home and all directories between it and the path
// have. It ignores those above the home, and those of a path outside it.
func (l *homeLook) reach(path string) fs.FileMode {
	bits := fs.FileMode(0o111)
	rel, err := filepath.Rel(l.home, path)
	if err != nil || rel == "." || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return bits
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if fi, err := os.Stat(dir); err == nil {
			bits &= fi.Mode()
		}
		if dir == l.home || len(dir) <= len(l.home) {
			return bits
		}
	}
}

// stores looks at the file of a back end, at the files that SQLite keeps next to it, and at
// the copies of replaced and upgraded stores. It does nothing for another database.
func (l *homeLook) stores(at backends.Location) {
	if at.URL != "" {
		return
	}
	dir, base := filepath.Split(at.File)
	dir = filepath.Clean(dir)
	l.look(dir, "the directory of the stores", open)
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.paths = append(l.paths, config.HomePath{Path: dir, Err: err})
	}
	for _, e := range list {
		rest, ok := strings.CutPrefix(e.Name(), base)
		what := "the store of the back end " + at.Backend
		if rest != "" {
			what = "a copy or log of " + what
		}
		if ok && (rest == "" || rest[0] == '-' || rest[0] == '.') {
			l.look(filepath.Join(dir, e.Name()), what, private)
		}
	}
}
