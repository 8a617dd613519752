package coexistcmd

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
)

// Inputs are what Check reads besides the home.
type Inputs struct {
	Directory cmdutil.DirectoryOptions
	Lists     cmdutil.UserListOptions
	IcsConf   string // of the old server; "" if there is no copy of it
}

// Check runs 'coexist check' as a part of another command. It is a NotSetUpError if nothing
// says that there is an old server: neither the configuration nor an input about it.
func Check(ctx context.Context, f *cmdutil.Factory, in Inputs) (*cmdutil.Checked, error) {
	o := newCheck(f)
	o.DirectoryOptions, o.UserListOptions, o.icsConf = in.Directory, in.Lists, in.IcsConf
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return nil, err
	}
	if in.IcsConf == "" && len(in.Lists.Cs6) == 0 && (home == nil || !home.IsSet("davcore.scheduling.localuserattr")) {
		mapped, err := o.domainsMapped(ctx)
		if err != nil {
			return nil, err
		}
		if !mapped {
			return nil, &cmdutil.NotSetUpError{Reason: "neither davcore.scheduling.localuserattr nor the domain map names another server"}
		}
	}
	return o.examine(ctx)
}

// domainsMapped reports whether the home has a domain map with a domain. One that cannot be
// read counts: the check says what is wrong with it.
func (o *coexistCheck) domainsMapped(ctx context.Context) (bool, error) {
	in, err := o.mapInput(ctx)
	if err != nil {
		return false, err
	}
	mapped := !errors.Is(in.Err, fs.ErrNotExist)
	if m, err := config.ParseDomainMap(in.Text); in.Err == nil && err == nil {
		mapped = len(m.Effective()) > 0
	}
	return mapped, nil
}
