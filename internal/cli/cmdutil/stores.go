package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/store/backends"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

// CreateStoreFile creates the store of a back end; for an SQLite file, the directories
// that do not exist as well. As root, all of it belongs to the owner of the home.
func (ss *Stores) CreateStoreFile(ctx context.Context, home string, l backends.Location) error {
	if l.URL == "" {
		var missing []string
		for dir := filepath.Dir(l.File); ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				break // the parent of a directory that cannot be looked at reports why
			}
			missing = append(missing, dir)
		}
		for _, dir := range slices.Backward(missing) {
			if err := fsx.MkdirPrivate(ctx, dir, home, ss.hook); err != nil {
				return err
			}
		}
	}
	if err := l.Create(ctx, backends.Options{Now: ss.now}); err != nil || l.URL != "" {
		return err
	}
	return fsx.HandOver(l.File, home, ss.hook)
}

// HandOverCopy gives an SQLite file and a copy of it that was kept to the owner of the home,
// if the process runs as root. It does nothing for another database, or without a copy.
func (ss *Stores) HandOverCopy(home string, l backends.Location, kept string) error {
	if l.URL != "" || kept == "" {
		return nil
	}
	return errors.Join(fsx.HandOver(kept, home, ss.hook), fsx.HandOver(l.File, home, ss.hook))
}

// Stores gives access to the back ends of homes.
type Stores struct {
	console     *Console
	hints       *Hints
	homes       *Homes
	journals    *Journals
	vaults      *Vaults
	directories *Directories
	getenv      func(string) string
	now         func() time.Time
	hook        fsx.Hook
}

// Backends returns the back ends of a home with their locations. It opens none. Wait is how
// long a store waits for a lock; it does not wait at all if wait is not positive.
func (ss *Stores) Backends(o *HomeOptions, dir string, c *HomeConfig, wait time.Duration) (*backends.Set, error) {
	var locations []backends.Location
	for _, b := range config.Backends(c.Registry, c.Document) {
		l, err := ss.location(o, dir, c, b)
		if err != nil {
			return nil, err
		}
		locations = append(locations, l)
	}
	return backends.New(locations, defaultBackend(c), backends.Options{Wait: max(wait, time.Millisecond), Now: ss.now}), nil
}

// defaultBackend returns the back end of accounts whose directory entry names none.
func defaultBackend(c *HomeConfig) string {
	if id := c.Value("store.dav." + BuiltinBackend + ".backendid"); id != "" {
		return id
	}
	return BuiltinBackend
}

// StoreSuffix is the suffix of the name of an SQLite file.
const StoreSuffix = ".sqlite"

// BuiltinBackend is the back end that every home has, by the name in its parameters.
const BuiltinBackend = "defaultbackend"

// location returns where the store of a back end is.
func (ss *Stores) location(o *HomeOptions, dir string, c *HomeConfig, b config.Backend) (backends.Location, error) {
	l := backends.Location{Backend: b.ID, URL: c.Value(b.Parameter("dburl")), Password: ss.vaults.StorePassword(o, dir, b.ID), Client: ss.client()}
	if err := CheckBackendName(b.ID); err != nil {
		return l, Usagef("%s: back end '%s': %v", c.Path, b.ID, err)
	}
	folder := c.Value(b.Parameter("dbdir"))
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, filepath.FromSlash(folder))
	}
	l.File = filepath.Join(folder, b.ID+StoreSuffix)
	seconds, err := strconv.ParseInt(c.Value(b.Parameter("purgedelay")), 10, 32)
	if err != nil || seconds < 0 {
		return l, Usagef("%s: %s: '%s' is not a valid number of seconds", c.Path, b.Parameter("purgedelay"), c.Value(b.Parameter("purgedelay")))
	}
	l.PurgeDelay = time.Duration(seconds) * time.Second
	return l, nil
}

// NewLocation returns where the store of a back end will be that is not in the configuration
// yet. An empty folder stands for the default.
func (ss *Stores) NewLocation(o *HomeOptions, dir string, c *HomeConfig, id, folder, url string) backends.Location {
	l := backends.Location{Backend: id, URL: url, Password: ss.vaults.StorePassword(o, dir, id), Client: ss.client()}
	if folder == "" {
		folder = c.Value(config.Backend{Key: id, ID: id}.Parameter("dbdir"))
	}
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(dir, filepath.FromSlash(folder))
	}
	l.File = filepath.Join(folder, id+StoreSuffix)
	return l
}

// client returns the settings for PostgreSQL's own programs.
func (ss *Stores) client() postgres.Client {
	file := func(variable string, inHome ...string) string {
		if path := ss.getenv(variable); path != "" {
			return path
		}
		if home := ss.getenv("HOME"); home != "" {
			return filepath.Join(append([]string{home}, inHome...)...)
		}
		return ""
	}
	return postgres.Client{
		Password: ss.getenv("PGPASSWORD") != "", PassFile: file("PGPASSFILE", ".pgpass"), Service: ss.getenv("PGSERVICE"),
		ServiceFile: file("PGSERVICEFILE", ".pg_service.conf"), Key: file("PGSSLKEY", ".postgresql", "postgresql.key"),
	}
}

// CheckBackendName returns an error if an id is not a portable file name.
func CheckBackendName(id string) error {
	if id == "" || len(id) > 64 || id[0] == '.' || id[0] == '-' ||
		strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return errors.New("an id has 1 to 64 letters, digits, '.', '_' and '-', and does not begin with '.' or '-'")
	}
	return nil
}

// CheckDatabaseURL returns a usage error that begins with what for text that is not the URL
// of a PostgreSQL database, has invalid settings, or contains a password. It reads the files
// that the URL names.
func (h *Hints) CheckDatabaseURL(what, text string) error {
	if err := postgres.CheckURL(text); err != nil {
		return Usagef("%s: %v%s", what, err, h.StoreHint(err))
	}
	return nil
}

// CheckDatabaseURLs is CheckDatabaseURL for the requests that set the URL of a database.
func (h *Hints) CheckDatabaseURLs(r *config.Registry, requests []config.Request) error {
	for _, q := range requests {
		p, ok := r.Lookup(q.Name)
		if !ok || q.Action != config.ActionSet || q.Value == "" || !p.DatabaseURL() {
			continue
		}
		what := q.Name
		if q.Where != "" {
			what = q.Where + ": " + q.Name
		}
		if err := h.CheckDatabaseURL(what, q.Value); err != nil {
			return err
		}
	}
	return nil
}

// WarnLost warns of configured back ends whose store cannot be used, because their accounts
// are not seen. without is the option with which the command works without them; "" for none.
func (ss *Stores) WarnLost(lost []backends.Lost, without string) {
	for _, l := range lost {
		ss.console.Warnf("back end %s is skipped: %v%s%s", l.Backend, l.Err, leaveOut(without, 1), ss.hints.lostHint(l))
	}
}

// leaveOut says how a command works without n back ends.
func leaveOut(option string, n int) string {
	switch {
	case option == "":
		return ""
	case n > 1:
		return "; to leave them out: " + option
	}
	return "; to leave it out: " + option
}

// LostErrorWithout is LostError for a command that works without the back ends if it has this
// option; "" for none.
func (h *Hints) LostErrorWithout(lost []backends.Lost, without string) error {
	err := h.LostError(lost)
	var incomplete *IncompleteError
	if errors.As(err, &incomplete) {
		incomplete.Text += leaveOut(without, len(lost))
	}
	return err
}

// LostError returns the *IncompleteError of a command that could not read back ends, or nil
// if there are none.
func (h *Hints) LostError(lost []backends.Lost) error {
	switch len(lost) {
	case 0:
		return nil
	case 1:
		return &IncompleteError{Text: "incomplete: " + h.lostWords(lost)[0], Err: lostCause(lost)}
	}
	cause, what := lostCause(lost), "have no store"
	if cause != nil {
		what = "cannot be read"
	}
	return &IncompleteError{Text: fmt.Sprintf("incomplete: %d back ends %s", len(lost), what), More: h.lostWords(lost), Err: cause}
}

// lostCause returns why back ends cannot be read that have a store; nil if none has one. If
// it is not nil, the end of the run adds a hint to it.
func lostCause(lost []backends.Lost) error {
	var errs []error
	for _, l := range lost {
		if !l.NoStore() {
			errs = append(errs, l.Err)
		}
	}
	return errors.Join(errs...)
}

// NoStoreError returns the error of a change for which back ends cannot be used. others means
// that there are other ones, with which it can continue.
func (h *Hints) NoStoreError(lost []backends.Lost, others bool) error {
	text := "nothing was changed: " + strings.Join(h.lostWords(lost), "; ")
	if others {
		text += "; to skip this back end: --continue"
	}
	return &IncompleteError{Text: text, Err: lostCause(lost)}
}

// NotEmptyError returns the error of the deletion of a back end that cannot be read.
func (h *Hints) NotEmptyError(l backends.Lost) error {
	text := "nothing was changed: whether the back end has accounts is not known: " + h.lostWords([]backends.Lost{l})[0]
	return &IncompleteError{Text: text + "; to delete it nevertheless: --skip-check", Err: lostCause([]backends.Lost{l})}
}

// lostWords returns a line about each back end without a store.
func (h *Hints) lostWords(lost []backends.Lost) []string {
	var parts []string
	for _, l := range lost {
		hint := ""
		if l.NoStore() {
			hint = h.lostHint(l)
		}
		parts = append(parts, fmt.Sprintf("back end %s: %v%s", l.Backend, l.Err, hint))
	}
	return parts
}

// lostHint returns what to do about a back end that cannot be used.
func (h *Hints) lostHint(l backends.Lost) string {
	if l.NoStore() {
		return "; " + h.LostHint(l.Location)
	}
	return h.StoreHint(l.Err)
}

// LostHint returns what to do about a back end without a store.
func (h *Hints) LostHint(l backends.Location) string {
	return "restore it, or if it never had one, create it with '" + h.InitLine(l) + "'"
}

// InitLine returns the command that creates the store of a back end that has none, also in
// place of a file that is not a store.
func (h *Hints) InitLine(l backends.Location) string {
	words := []string{"-n", l.Backend}
	if l.HasFile() {
		words = append(words, "--overwrite")
	}
	return h.Line("db", "init", words...)
}
