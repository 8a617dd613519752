package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// ServerFile returns the configuration file of a home, which need not exist.
func (hf *HomeFiles) ServerFile(home string, lockTimeout time.Duration) *config.File {
	return config.NewFile(hf.journals.Open(home, lockTimeout), config.FileOptions{Home: home, Name: config.ServerFile, Hook: hf.hook})
}

// ConfigKind describes davserver.properties.
func ConfigKind() FileKind {
	return FileKind{
		Operation: "config", Title: "the configuration", Path: config.ServerFile, serverWrites: true,
		LabelsOf: func(r *config.Registry) Labels { return ConfigLabels{r} },
	}
}

// Open finds the home and returns its file of a kind. It reads only the clifile.
func (hf *HomeFiles) Open(k FileKind, o *HomeOptions, lock LockOptions) (*HomeFile, error) {
	home, err := hf.homes.Find(o)
	if err != nil {
		return nil, err
	}
	registry, err := config.NewRegistry()
	if err != nil {
		return nil, err
	}
	file := config.NewFile(hf.journals.Open(home, lock.Timeout), config.FileOptions{Home: home, Name: k.Path, Optional: k.Optional, Mode: k.Mode, Area: k.Area, Hook: hf.hook})
	return &HomeFile{FileKind: k, Home: home, File: file, Registry: registry, Labels: k.LabelsOf(registry), hints: hf.hints}, nil
}

// HomeFiles opens, changes and reports changes of the files of a home.
type HomeFiles struct {
	global   *Globals
	console  *Console
	homes    *Homes
	hints    *Hints
	journals *Journals
	hook     fsx.Hook
}

// OpenConfig finds the home and returns its configuration file.
func (hf *HomeFiles) OpenConfig(o *HomeOptions, lock LockOptions) (*HomeFile, error) {
	return hf.Open(ConfigKind(), o, lock)
}

// ExplainLoad adds to an error about the configuration what to do if the file is missing
// or has a syntax error.
func (hf *HomeFiles) ExplainLoad(ctx context.Context, err error, file *config.File) error {
	return hf.ExplainFile(ctx, err, ConfigKind(), file)
}

// ExplainFile adds to an error about a file of a home what to do if the file is missing or
// has a syntax error.
func (hf *HomeFiles) ExplainFile(ctx context.Context, err error, k FileKind, file *config.File) error {
	var syntax *config.SyntaxError
	missing := errors.Is(err, fs.ErrNotExist)
	if !missing && !errors.As(err, &syntax) {
		return explainClosed(err, file.Path())
	}
	restore := ""
	if last := lastRevision(ctx, file); last > 0 {
		restore = fmt.Sprintf("'%s' restores the last version that davadmin wrote or saw", hf.hints.Line(k.Operation, "revert", strconv.FormatInt(last, 10)))
	}
	switch {
	case missing && restore != "":
		return fmt.Errorf("%s no longer exists; %s", file.Path(), restore)
	case missing:
		return fmt.Errorf("%s does not exist; use --home to name another server home, or '%s' to create one", file.Path(), hf.hints.Line("init", ""))
	case restore != "":
		return fmt.Errorf("%w; fix that line, or: %s", err, restore)
	}
	return fmt.Errorf("%w; fix that line", err)
}

// Lost returns an error that says how to restore an optional file that is not there, although
// it was after the last recorded change. It returns nil if the home never had the file, or if a
// recorded change removed it.
func (hf *HomeFiles) Lost(ctx context.Context, c *HomeFile) error {
	entries, err := c.File.History(ctx)
	// A history that cannot be read is for its own check to report.
	for i := len(entries) - 1; i >= 0 && err == nil; i-- {
		v, ok := entries[i].Left()
		switch {
		case !ok:
			continue
		case v.Missing:
			return nil
		}
		return hf.ExplainFile(ctx, fs.ErrNotExist, c.FileKind, c.File)
	}
	return nil
}

// lastRevision returns the newest revision that can be reverted to, or 0.
func lastRevision(ctx context.Context, file *config.File) int64 {
	entries, err := file.History(ctx)
	if err != nil {
		return 0
	}
	for i := len(entries) - 1; i >= 0; i-- {
		if v, ok := entries[i].Left(); ok && !v.Missing {
			return entries[i].Change
		}
	}
	return 0
}

// ConfigLabels shows parameters of the configuration.
type ConfigLabels struct{ registry *config.Registry }

// Name returns the name of the parameter.
func (w ConfigLabels) Name(key string) string { return key }

// Mask masks the value of a secret parameter.
func (w ConfigLabels) Mask(key, value string) string { return w.registry.Mask(key, value) }

// Unset says that the parameter is not set, and what its default is.
func (w ConfigLabels) Unset(key string) string {
	if p, ok := w.registry.Lookup(key); ok && p.Default != "" {
		return "(not set; default: " + ui.Sanitize(p.Mask(p.Default)) + ")"
	}
	return "(not set)"
}

// Restart returns whether a change of the parameter requires a restart.
func (w ConfigLabels) Restart(key string) config.Restart {
	if p, ok := w.registry.Lookup(key); ok {
		return p.Restart
	}
	return config.RestartAssumed
}

// DomainKind describes ischeduledomainmap.properties.
func DomainKind() FileKind {
	return FileKind{
		Operation: "domainmap", Title: "the domain map", Path: config.DomainMapFile, Optional: true,
		LabelsOf: func(*config.Registry) Labels { return DomainLabels{} },
	}
}

// DomainLabels shows lines of a domain map.
type DomainLabels struct{}

// Name returns the domain; an internationalised one with its Unicode form.
func (DomainLabels) Name(key string) string {
	if d, err := config.ParseDomain(key); err == nil && d.Shown != key && d.Name == key {
		return d.Shown + " (" + key + ")"
	}
	return key
}

// Mask masks a password in the URL of a domain.
func (DomainLabels) Mask(_, value string) string { return config.MaskDomainURL(value) }

// Unset says that the domain is not mapped.
func (DomainLabels) Unset(string) string { return "(not mapped)" }

// Restart returns RestartAssumed: whether a change requires a restart is unknown.
func (DomainLabels) Restart(string) config.Restart { return config.RestartAssumed }

// ReadDomainMap reads the domain map. If the file does not exist, the error is
// fs.ErrNotExist in a server home, and a usage error elsewhere.
func (hf *HomeFiles) ReadDomainMap(ctx context.Context, c *HomeFile) ([]byte, fs.FileInfo, error) {
	text, info, err := c.File.Read(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, info, err
	}
	dir := filepath.Dir(c.File.Path())
	if _, derr := os.Stat(dir); errors.Is(derr, fs.ErrNotExist) {
		return nil, nil, Usagef("%s does not exist, so %s is not a server home; use --home to name another directory", dir, c.Home)
	}
	return nil, nil, err
}
