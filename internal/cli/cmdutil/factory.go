// Package cmdutil contains what the commands of davadmin share: the console, the server
// home and its files, the journal, listings, reports of findings, batch lines, limits of
// bulk changes, and the options for access to a directory or a store.
//
// A command takes the parts that it needs from the Factory, by name. This package does not
// run commands and does not know how any single command works. The values of a Factory
// belong to one run; they are not safe for concurrent use unless their comments say so.
package cmdutil

import (
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Factory contains the parts that commands are made of. A constructor copies the parts that
// its command needs, by name; no command keeps the Factory itself.
type Factory struct {
	Global      *Globals
	Console     *Console
	Homes       *Homes
	Hints       *Hints
	Journals    *Journals
	HomeFiles   *HomeFiles
	Reports     *Reports
	Input       *Input
	Vaults      *Vaults
	Directories *Directories
	Stores      *Stores

	Getenv func(string) string
	Now    func() time.Time
	Hook   fsx.Hook
	Build  Build
}

// NewFactory returns the parts for one run.
func NewFactory(env *Environment) *Factory {
	now := env.Now
	if now == nil {
		now = time.Now
	}
	f := &Factory{Global: &Globals{}, Getenv: env.Getenv, Now: now, Hook: env.Hook, Build: env.Build}
	f.Console = &Console{Streams: env.Streams, global: f.Global, getenv: env.Getenv, begins: env.ChangeBegins}
	f.Hints = &Hints{global: f.Global, args: env.Args, suggested: env.Suggested}
	f.Homes = &Homes{global: f.Global, console: f.Console, hints: f.Hints, getenv: env.Getenv}
	f.Journals = &Journals{console: f.Console, hints: f.Hints, args: env.Args, getenv: env.Getenv, now: now, hook: env.Hook}
	f.HomeFiles = &HomeFiles{global: f.Global, console: f.Console, homes: f.Homes, hints: f.Hints, journals: f.Journals, hook: env.Hook}
	f.Reports = &Reports{global: f.Global, console: f.Console, hints: f.Hints, getenv: env.Getenv}
	f.Input = &Input{console: f.Console}
	f.Vaults = &Vaults{console: f.Console, hints: f.Hints, getenv: env.Getenv, Work: env.VaultWork}
	f.Directories = &Directories{global: f.Global, console: f.Console, homes: f.Homes, homeFiles: f.HomeFiles, input: f.Input, vaults: f.Vaults, hints: f.Hints, getenv: env.Getenv}
	f.Stores = &Stores{console: f.Console, hints: f.Hints, homes: f.Homes, journals: f.Journals, vaults: f.Vaults, directories: f.Directories, getenv: env.Getenv, now: now, hook: env.Hook}
	return f
}
