package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/davadmin/davadmin/pkg/finding"
)

// HomePath is what is known about a file or directory of a home, or a file outside it that
// belongs to it, such as a key.
type HomePath struct {
	Path string
	What string // "the store of the back end store1"
	Info fs.FileInfo
	Err  error // why it could not be looked at; Info is nil then

	Key bool // it is a key or contains passwords
	// Private is set for what nobody but the owner may read: history, stores, passwords.
	Private bool
	// Reach has the execute bits that all directories between the home and this path
	// have: without 0o001, others do not get to it whatever its own mode is.
	Reach fs.FileMode

	UID, GID int    // its owner and group; UID is -1 if unknown
	Owner    string // its owner for a message
}

// homeChecks returns the checks of the files and directories of the home.
func homeChecks() []check {
	return []check{
		{newRule("home-writable", finding.Error,
			"only the owner may change the home, its history, stores and keys",
			"anyone who can write to one of them can change calendars, accounts and passwords, or what the history says",
			"remove the write permission of others and of the group"),
			checkHomeWritable, true},
		{newRule("home-readable", finding.Error,
			"only the owner may read the history, the stores and the keys of the home",
			"they contain calendars, passwords and the key to passwords; what only the group can read is a warning, except for keys",
			"remove the read permission of others and of the group, and change passwords that others could read"),
			checkHomeReadable, true},
		{newRule("home-owner", finding.Error,
			"the history, stores and keys belong to the owner of the home",
			"another owner can change them, and the owner of the home may not be able to use them; what belongs to root is a warning",
			"give them to the owner of the home"),
			checkHomeOwner, true},
	}
}

// homePaths returns the paths that could be looked at, and an error if some could not.
func (s *checkState) homePaths() ([]HomePath, error) {
	if len(s.in.Home) == 0 {
		return nil, finding.NotApplicable("only the settings are checked, not the files of a home")
	}
	var out []HomePath
	var errs []error
	for _, p := range s.in.Home {
		if p.Err != nil {
			errs = append(errs, p.Err)
		} else {
			out = append(out, p)
		}
	}
	return out, errors.Join(errs...)
}

func checkHomeWritable(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	paths, err := s.homePaths()
	for _, p := range paths {
		mode := p.Info.Mode()
		if p.Info.IsDir() && mode&fs.ModeSticky != 0 {
			continue // others can add files, but not replace any
		}
		f := finding.Finding{Where: &finding.Where{File: p.Path}}
		switch {
		case mode&0o002 != 0 && p.Reach&0o001 != 0:
			f.Detail = fmt.Sprintf("all users of this host can change %s (mode %04o)", p.What, mode.Perm())
		case mode&0o020 != 0 && p.Reach&0o010 != 0:
			f.Detail = fmt.Sprintf("the group of %s can change it (mode %04o)", p.What, mode.Perm())
			if !p.Private {
				f.Severity = finding.Warning
			}
		default:
			continue
		}
		f.Fix = fixMode("go-w", p.Path)
		emit(f)
	}
	return err
}

func checkHomeReadable(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	paths, err := s.homePaths()
	for _, p := range paths {
		if !p.Private {
			continue
		}
		mode := p.Info.Mode()
		f := finding.Finding{Where: &finding.Where{File: p.Path}, Fix: fixMode("go-rwx", p.Path)}
		// Names can be guessed, so a directory that can only be entered counts as well.
		switch {
		case mode&0o005 != 0 && (p.Info.IsDir() || mode&0o004 != 0) && p.Reach&0o001 != 0:
			f.Detail = fmt.Sprintf("all users of this host can read %s (mode %04o)", p.What, mode.Perm())
		case mode&0o050 != 0 && (p.Info.IsDir() || mode&0o040 != 0) && p.Reach&0o010 != 0:
			f.Severity = finding.Warning
			if p.Key {
				f.Severity = finding.Error
			}
			f.Detail = fmt.Sprintf("the group of %s can read it (mode %04o)", p.What, mode.Perm())
		default:
			continue
		}
		emit(f)
	}
	return err
}

func checkHomeOwner(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	paths, err := s.homePaths()
	if len(paths) == 0 || paths[0].Path != s.in.Home[0].Path {
		return err
	}
	home := paths[0]
	for _, p := range paths[1:] {
		if p.UID == home.UID || p.UID < 0 {
			continue
		}
		f := finding.Finding{
			Where:  &finding.Where{File: p.Path},
			Detail: fmt.Sprintf("%s belongs to %s, but the home to %s", p.What, p.Owner, home.Owner),
			Fix:    fixOwner(home.UID, home.GID, p.Path),
		}
		if p.UID == 0 {
			f.Severity = finding.Warning
		}
		emit(f)
	}
	return err
}

// fixOwner returns the fix that changes owner and group of a file.
func fixOwner(uid, gid int, path string) finding.Fix {
	word := ShellWord(path)
	if word == "" || path == "" {
		return finding.Fix{}
	}
	return finding.Text(finding.FixCommand, "chown "+strconv.Itoa(uid)+":"+strconv.Itoa(gid)+" -- "+word)
}
