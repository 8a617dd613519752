//go:build !linux

package fsx

import "context"

// renameNoReplace differs between systems, so the caller uses a link instead.
func renameNoReplace(_, _ string) error { return errNoReplace }

// syncTree has no faster way than to sync each file.
func syncTree(ctx context.Context, dir string) error { return syncEach(ctx, dir) }

// dropInheritedACL and copyAttributes are implemented on Linux only.
func (d *draft) dropInheritedACL() error { return nil }

func (d *draft) copyAttributes() error { return nil }
