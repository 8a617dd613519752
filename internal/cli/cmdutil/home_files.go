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

func (hf *HomeFiles) ServerFile(home string, lockTimeout time.Duration) *config.File {
	return config.NewFile(hf.journals.Open(home, lockTimeout), config.FileOptions{Home: home, Name: config.ServerFile, Hook: hf.hook})
}

func ConfigKind() FileKind {
	return FileKind{
		Operation: "config", Title: "the configuration", Path: config.ServerFile, serverWrites: true,
		LabelsOf: func(r *config.Registry) Labels { return ConfigLabels{r} },
	}
}

// Open finds the home. It reads nothing but the clifile.
func (hf *HomeFiles) Open(k FileKind, o *HomeOptions, lock LockOptions) (*HomeFile, error) {
	home, err := hf.homes.Find(o)
	if err != nil {
		return nil, err
	}
	registry, err := config.NewRegistry()
	if err != nil {
		return nil, err
	}
	file := config.NewFile(hf.journals.Open(home, lock.Timeout), config.FileOptions{Home: home, Name: k.Path, Optional: k.Optional, Mode: k.Mode, Hook: hf.hook})
	return &HomeFile{FileKind: k, Home: home, File: file, Registry: registry, Labels: k.LabelsOf(registry), hints: hf.hints}, nil
}

// HomeFiles works on the files of a home that have actions of their own.
type HomeFiles struct {
	global   *Globals
	console  *Console
	homes    *Homes
	hints    *Hints
	journals *Journals
	hook     fsx.Hook
}

// OpenConfig finds the configuration of a home.
func (hf *HomeFiles) OpenConfig(o *HomeOptions, lock LockOptions) (*HomeFile, error) {
	return hf.Open(ConfigKind(), o, lock)
}

// ExplainLoad says what to do when the configuration cannot be read.
func (hf *HomeFiles) ExplainLoad(ctx context.Context, err error, file *config.File) error {
	return hf.ExplainFile(ctx, err, ConfigKind(), file)
}

// ExplainFile says what to do when a file of a home cannot be read.
func (hf *HomeFiles) ExplainFile(ctx context.Context, err error, k FileKind, file *config.File) error {
	var syntax *config.SyntaxError
	missing := errors.Is(err, fs.ErrNotExist)
	if !missing && !errors.As(err, &syntax) {
		return err
	}
	back := ""
	if last := lastRevision(ctx, file); last > 0 {
		back = fmt.Sprintf("'%s' brings back the last version that davadmin wrote or saw", hf.hints.Line(k.Operation, "revert", strconv.FormatInt(last, 10)))
	}
	switch {
	case missing && back != "":
		return fmt.Errorf("there is no %s any more; %s", file.Path(), back)
	case missing:
		return fmt.Errorf("there is no %s; 'davadmin init' makes a new home, --home names another one", file.Path())
	case back != "":
		return fmt.Errorf("%w; mend that line, or: %s", err, back)
	}
	return fmt.Errorf("%w; mend that line", err)
}

// lastRevision returns the newest revision that can be reverted to, 0 for none.
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

// ConfigLabels says how parameters are shown.
type ConfigLabels struct{ registry *config.Registry }

func (w ConfigLabels) Name(key string) string { return key }

func (w ConfigLabels) Mask(key, value string) string { return w.registry.Mask(key, value) }

// Unset shows the default in the place of a value.
func (w ConfigLabels) Unset(key string) string {
	if p, ok := w.registry.Lookup(key); ok && p.Default != "" {
		return "(not set; default: " + ui.Sanitize(p.Mask(p.Default)) + ")"
	}
	return "(not set)"
}

// Restart says whether a change of the parameter needs a restart.
func (w ConfigLabels) Restart(key string) config.Restart {
	if p, ok := w.registry.Lookup(key); ok {
		return p.Restart
	}
	return config.RestartAssumed
}

func DomainKind() FileKind {
	return FileKind{
		Operation: "domainmap", Title: "the domain map", Path: config.DomainMapFile, Optional: true,
		LabelsOf: func(*config.Registry) Labels { return DomainLabels{} },
	}
}

// DomainLabels say how the lines of a domain map are shown.
type DomainLabels struct{}

// Name shows an internationalised domain in letters as well.
func (DomainLabels) Name(key string) string {
	if d, err := config.ParseDomain(key); err == nil && d.Shown != key && d.Name == key {
		return d.Shown + " (" + key + ")"
	}
	return key
}

func (DomainLabels) Mask(_, value string) string { return config.MaskDomainURL(value) }

func (DomainLabels) Unset(string) string { return "(not mapped)" }

func (DomainLabels) Restart(string) config.Restart { return config.RestartAssumed }

// ReadDomainMap reads the file. That there is none is told from a directory that
// is no server home.
func (hf *HomeFiles) ReadDomainMap(ctx context.Context, c *HomeFile) ([]byte, fs.FileInfo, error) {
	text, info, err := c.File.Read(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, info, err
	}
	dir := filepath.Dir(c.File.Path())
	if _, derr := os.Stat(dir); errors.Is(derr, fs.ErrNotExist) {
		return nil, nil, Usagef("there is no %s, so that %s is not a server home; --home names another one", dir, c.Home)
	}
	return nil, nil, err
}
