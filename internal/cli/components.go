package cli

import (
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
)

// Factory holds what commands are made from. A constructor copies from it what its
// command needs, by name; no command keeps the Factory itself.
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

// Console is where a command speaks to its user.
type Console struct {
	Streams *ui.Streams
	global  *Globals
	getenv  func(string) string
	status  *ui.Status
}

// Homes finds the server home of a run.
type Homes struct {
	global  *Globals
	console *Console
	hints   *Hints
	getenv  func(string) string
}

// Hints builds the command lines that messages suggest.
type Hints struct {
	args []string
	home string
}

// Journals opens the journal of a home.
type Journals struct {
	args   []string
	getenv func(string) string
	now    func() time.Time
	hook   fsx.Hook
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

// Reports prints what checks found.
type Reports struct {
	global  *Globals
	console *Console
	hints   *Hints
	getenv  func(string) string
}

// Input reads what a user hands in beside the command line.
type Input struct {
	console *Console
}

// Vaults opens the vaults of homes, each once in a run.
type Vaults struct {
	console *Console
	hints   *Hints
	getenv  func(string) string
	Work    int // that the passphrase of a vault costs; 0 in production, see secret.Passphrase
	vaults  vaults
}

// Directories opens directories.
type Directories struct {
	global    *Globals
	console   *Console
	homes     *Homes
	homeFiles *HomeFiles
	input     *Input
	vaults    *Vaults
	getenv    func(string) string
}

// Stores opens the back ends of homes.
type Stores struct {
	console     *Console
	homes       *Homes
	journals    *Journals
	vaults      *Vaults
	directories *Directories
	now         func() time.Time
	hook        fsx.Hook
}

// NewFactory joins the parts for one run.
func NewFactory(env *Environment) *Factory {
	now := env.Now
	if now == nil {
		now = time.Now
	}
	f := &Factory{Global: &Globals{}, Getenv: env.Getenv, Now: now, Hook: env.Hook, Build: env.Build}
	f.Console = &Console{Streams: env.Streams, global: f.Global, getenv: env.Getenv}
	f.Hints = &Hints{args: env.Args}
	f.Homes = &Homes{global: f.Global, console: f.Console, hints: f.Hints, getenv: env.Getenv}
	f.Journals = &Journals{args: env.Args, getenv: env.Getenv, now: now, hook: env.Hook}
	f.HomeFiles = &HomeFiles{global: f.Global, console: f.Console, homes: f.Homes, hints: f.Hints, journals: f.Journals, hook: env.Hook}
	f.Reports = &Reports{global: f.Global, console: f.Console, hints: f.Hints, getenv: env.Getenv}
	f.Input = &Input{console: f.Console}
	f.Vaults = &Vaults{console: f.Console, hints: f.Hints, getenv: env.Getenv, Work: env.VaultWork}
	f.Directories = &Directories{global: f.Global, console: f.Console, homes: f.Homes, homeFiles: f.HomeFiles, input: f.Input, vaults: f.Vaults, getenv: env.Getenv}
	f.Stores = &Stores{console: f.Console, homes: f.Homes, journals: f.Journals, vaults: f.Vaults, directories: f.Directories, now: now, hook: env.Hook}
	return f
}
