package ldapcheck

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func storeRules() []rule {
	hosted := []directory.Kind{directory.User, directory.Resource}
	asked := rolesOf(roleLocal, roleUID, roleMail, roleAlternate)
	store := rolesOf(roleStore)
	return []rule{
		{
			Rule: newRule("davstore-missing", finding.Error,
				"all people known to be on the new server are assigned to it in the directory",
				"the new server forwards free/busy requests about the person to the old server, which sends them back: they fail in a loop",
				"add the attribute to the entry; with one back end the value is defaultbackend"),
			kinds: hosted, needs: asked, lacking: asked, missing: roleLocal, applies: needsCS7, observe: observeStoreMissing, describe: describeStoreMissing,
		},
		{
			Rule: newRule("davstore-present", finding.Error,
				"nobody known to be on the old server is assigned to the new one in the directory",
				"the new server treats the person as local, creates an empty account, and shows everybody an empty calendar",
				"remove the attribute until the person is migrated"),
			kinds: hosted, needs: asked, lacking: asked &^ rolesOf(roleLocal), applies: needsCS6, observe: observeStorePresent, describe: describeStorePresent,
		},
		{
			Rule: newRule("davstore-unknown-backend", finding.Error,
				"every back end named in an entry is configured",
				"the account cannot be opened",
				"name an existing back end, or configure the one that is named"),
			kinds: people(), needs: store, applies: needsBackends, observe: observeStoreUnknown, describe: describeStoreUnknown,
		},
		{
			Rule: newRule("davstore-empty", finding.Error,
				"no attribute that names the back end is empty",
				"its presence assigns the person to the new server, but its value names no back end",
				"set it to the name of the back end, or remove it"),
			kinds: people(), needs: store, observe: observeStoreEmpty, describe: describeStoreEmpty,
		},
		{
			Rule: newRule("davstore-multivalued", finding.Error,
				"no entry names two back ends",
				"an account is on one back end, and which one the server uses is undefined",
				"find out where the account is, and remove the other value"),
			kinds: people(), needs: store, observe: observeStoreMultivalued, describe: describeStoreMultivalued,
		},
	}
}

func needsCS7(a *Audit) error {
	if a.o.CS7 == nil {
		return a.o.NewListMissing(a.o.EmptyCS7, finding.NotApplicableNeeds([]finding.Need{finding.NeedNewServerList}, "needs a list of the users on the new server"))
	}
	return nil
}

func needsCS6(a *Audit) error {
	if a.o.CS6 == nil {
		return ListMissing(a.o.EmptyCS6, finding.NotApplicableNeeds([]finding.Need{finding.NeedOldServerList}, "needs a list of the users on the old server"))
	}
	return nil
}

func needsBackends(a *Audit) error {
	if a.o.Backends == nil {
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedBackends}, "needs the names of the configured back ends")
	}
	return nil
}

func observeStoreMissing(w *worker, s *subject) {
	if s.in7 && !s.in6 && len(s.values[roleLocal]) == 0 {
		w.found(ruleStoreMissing, codePlain, roleLocal, nil, nil)
	}
}

func observeStorePresent(w *worker, s *subject) {
	if s.in6 && !s.in7 && s.filled(roleLocal) {
		w.found(ruleStorePresent, codePlain, roleLocal, first(s.values[roleLocal]), nil)
	}
}

func observeStoreUnknown(w *worker, s *subject) {
	if v := s.values[roleStore]; len(v) == 1 && !isBlank(v[0]) && !w.a.isBackend(v[0]) {
		w.found(ruleStoreUnknown, codePlain, roleStore, v[0], nil)
	}
}

func observeStoreEmpty(w *worker, s *subject) {
	if v := s.values[roleStore]; len(v) > 0 && !s.filled(roleStore) {
		w.found(ruleStoreEmpty, codePlain, roleStore, v[0], nil)
	}
}

func observeStoreMultivalued(w *worker, s *subject) {
	if v := s.values[roleStore]; len(v) > 1 && s.filled(roleStore) {
		w.foundAll(ruleStoreMultivalued, codePlain, roleStore)
	}
}

func (a *Audit) isBackend(v []byte) bool {
	v = bytes.Trim(v, " ")
	for _, b := range a.o.Backends {
		if len(b) == len(v) && strings.EqualFold(b, string(v)) {
			return true
		}
	}
	return slices.ContainsFunc(a.o.Backends, func(b string) bool { return directory.EqualFold(b, string(v)) })
}

func describeStoreMissing(a *Audit, f *fact) (string, finding.Fix) {
	local, fix := a.o.Names.LocalUserAttr(), finding.Fix{}
	if value, ok := a.o.LocalUserValue(); ok {
		fix = a.modifyFix(f.dns[0], ldif.OpAdd, local, []byte(value))
	}
	return fmt.Sprintf("the %s is on the list of the new server but has no %s", f.kind, local), fix
}

// LocalUserValue returns the value to give Names.LocalUserAttr for people on the new
// server. ok is false if a person has to choose a back end.
func (o *Options) LocalUserValue() (value string, ok bool) {
	if !strings.EqualFold(o.Names.LocalUserAttr(), o.Names.Store) {
		return "true", true
	}
	return o.onlyBackend()
}

// onlyBackend returns the back end if there is only one.
func (o *Options) onlyBackend() (string, bool) {
	switch len(o.Backends) {
	case 0:
		return "defaultbackend", true
	case 1:
		return o.Backends[0], true
	}
	return "", false
}

func describeStorePresent(a *Audit, f *fact) (string, finding.Fix) {
	local := a.o.Names.LocalUserAttr()
	return fmt.Sprintf("the %s is on the list of the old server and has %s: %s", f.kind, local, quote(f.value)),
		a.removalRemark(a.modifyFix(f.dns[0], ldif.OpDelete, local, nil))
}

func describeStoreUnknown(a *Audit, f *fact) (string, finding.Fix) {
	var fix finding.Fix
	if backend, ok := a.o.onlyBackend(); ok {
		fix = withRemark("only if the account is on that back end: changing the value alone creates an empty account there",
			a.modifyFix(f.dns[0], ldif.OpReplace, a.o.Names.Store, []byte(backend)))
	}
	return fmt.Sprintf("%s names the back end %s, which is not configured (configured: %s)", a.o.Names.Store, quote(f.value), strings.Join(a.o.Backends, ", ")), fix
}

func describeStoreEmpty(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the only %s of the %s is empty", a.o.Names.Store, f.kind), a.modifyFix(f.dns[0], ldif.OpDelete, a.o.Names.Store, nil)
}

func describeStoreMultivalued(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%s has several values: %s", a.o.Names.Store, quoteList(f.values)),
		a.removeSecond(f, a.o.Names.Store, "keep the back end that holds the account; this removes the other one")
}
