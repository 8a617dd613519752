package fsx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// aclAttribute is the attribute in which Linux keeps the POSIX ACL of a file.
const aclAttribute = "system.posix_acl_access"

// renameNoReplace renames a file to a name that must not be in use. It returns
// errNoReplace when the kernel or the file system (NFS, some FUSE) does not support that.
func renameNoReplace(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP:
		return errNoReplace
	}
	return err
}

// syncTree syncs all that is in a directory. One sync of the file system is much faster than
// one for each of many files.
func syncTree(ctx context.Context, dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.Syncfs(int(f.Fd()))
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return syncEach(ctx, dir) // a sandbox may forbid the call
	}
	return err
}

// isACL reports whether an attribute decides who may use the file.
func isACL(name string) bool {
	return name == aclAttribute || name == "system.nfs4_acl"
}

// keepAttribute reports whether an attribute belongs to the file rather than to its
// content (as a signature or a capability does).
func keepAttribute(name string) bool {
	return isACL(name) || name == "security.selinux" || strings.HasPrefix(name, "user.")
}

// dropInheritedACL removes the ACL that the new file got from a default ACL of the
// directory: with the mode of the old file, it could give access to people who had
// none. The old file's own ACL is copied later.
func (d *draft) dropInheritedACL() error {
	fd := int(d.f.Fd())
	_, err := unix.Fgetxattr(fd, aclAttribute, nil)
	if err != nil {
		if noAttribute(err) {
			return nil
		}
		return d.fail(OpXattr, err)
	}
	return d.do(OpXattr, d.temp, func() error { return unix.Fremovexattr(fd, aclAttribute) })
}

// copyAttributes copies the attributes of the old file to the new one, the ACLs
// last, because they may make it read-only. Equal values are not set again: a
// label may be readable without this process being allowed to set it.
func (d *draft) copyAttributes() error {
	names, err := listAttributes(d.target)
	if err != nil {
		return d.fail(OpXattr, err)
	}
	fd := int(d.f.Fd())
	for _, name := range names {
		want, err := readAttribute(func(b []byte) (int, error) { return unix.Lgetxattr(d.target, name, b) })
		if noAttribute(err) {
			continue // removed since it was listed
		}
		if err != nil {
			return d.fail(OpXattr, fmt.Errorf("%s: %w", name, err))
		}
		have, err := readAttribute(func(b []byte) (int, error) { return unix.Fgetxattr(fd, name, b) })
		if err == nil && bytes.Equal(have, want) {
			continue
		}
		err = d.do(OpXattr, d.temp, func() error { return unix.Fsetxattr(fd, name, want, 0) })
		if errors.Is(err, unix.ENOTSUP) && !isACL(name) {
			continue
		}
		if err != nil {
			return d.fail(OpXattr, fmt.Errorf("%s: %w", name, errors.Unwrap(err)))
		}
	}
	return nil
}

// listAttributes returns the names of the attributes to keep, the ACLs last. There
// are none if the file system does not support attributes.
func listAttributes(path string) ([]string, error) {
	list, err := readAttribute(func(b []byte) (int, error) { return unix.Llistxattr(path, b) })
	if noAttribute(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names, acls []string
	for name := range strings.SplitSeq(string(list), "\x00") {
		switch {
		case isACL(name):
			acls = append(acls, name)
		case keepAttribute(name):
			names = append(names, name)
		}
	}
	return slices.Concat(names, acls), nil
}

// readAttribute reads the size and then the value, and starts again when the value
// has grown in between.
func readAttribute(get func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := get(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		b := make([]byte, n)
		n, err = get(b)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return b[:n], nil
	}
}

// noAttribute reports whether an error means that the attribute does not exist or is not supported.
func noAttribute(err error) bool {
	return errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS)
}
