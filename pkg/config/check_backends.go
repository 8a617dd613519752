package config

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// backendChecks returns the checks of back ends and of how accounts are assigned to
// them.
func backendChecks() []check {
	return []check{
		{newRule("backend-unknown", finding.Error,
			"every back end that is named is configured",
			"accounts assigned to an unknown back end cannot be used",
			"name a configured back end, or configure this one (store.dav.ID...)"),
			checkUnknownBackends, false},
		{newRule("backend-id-mismatch", finding.Warning,
			"the id of a back end is the one in the names of its parameters",
			"the directory and the templates must use the id, while people read the name: sooner or later someone confuses the two",
			"use the id in the names of the parameters, or change the id to that name"),
			checkBackendIDs, false},
		{newRule("backend-store-shared", finding.Error,
			"every back end has its own store",
			"two back ends in one store overwrite each other's documents and purge what belongs to the other",
			"give each back end its own store, and move the documents before accounts use it"),
			checkSharedStores, false},
		{newRule("rank-duplicate", finding.Warning,
			"no two patterns of one kind have the same rank",
			"which pattern is tried first, and so which back end an account is assigned to, is left to chance",
			"give each pattern its own rank"),
			checkRanks, false},
	}
}

// family splits the name of a parameter of a family into the component that
// distinguishes the members and the last component. For store.dav.ID.dbdir these
// are ID and dbdir, for davcore.homeuri.0.rank 0 and rank.
func family(name, prefix string) (id, last string, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix+".")
	if !ok {
		return "", "", false
	}
	id, last, ok = strings.Cut(rest, ".")
	return id, last, ok
}

func uriFamilies() []string {
	return []string{"davcore.homeuri", "davcore.principalsuri", "davcore.otheruri"}
}

// backends lists the ids of the back ends: those that every server has, those
// named by a parameter in the file, and the ids set by backendid.
func (s *checkState) backends(ctx context.Context) ([]string, error) {
	var ids []string
	for _, p := range s.reg.all {
		if id, last, ok := family(p.Name, "store.dav"); ok && last == "backendid" && id != "*" {
			ids = append(ids, id)
		}
	}
	err := s.each(ctx, func(st *setting) {
		if id, last, ok := family(st.Key, "store.dav"); ok {
			ids = append(ids, id)
			if last == "backendid" {
				ids = append(ids, st.Value)
			}
		}
	})
	slices.Sort(ids)
	return slices.Compact(ids), err
}

// fixedBackend returns the back end that a template names independently of the
// directory: its whole text, or the fallback of its only attribute.
func fixedBackend(template string) string {
	inner, found := strings.CutPrefix(template, "${")
	if found {
		body, after, closed := strings.Cut(inner, "}")
		_, fallback, _ := strings.Cut(body, ",")
		if !closed || after != "" {
			return ""
		}
		template = fallback
	}
	if strings.Contains(template, "$") {
		return ""
	}
	return template
}

func checkUnknownBackends(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	ids, err := s.backends(ctx)
	if err != nil {
		return err
	}
	report := func(st *setting, id string) {
		if _, known := slices.BinarySearch(ids, id); id == "" || known {
			return
		}
		fix := finding.Fix{}
		if st.param.Default != "" {
			fix = s.fixDefault(st.Key)
		}
		emit(s.of(st, fmt.Sprintf("%s names the back end %s, for which no store.dav.ID parameter is set", st.Key, quotedPart(id, st.Value)), fix))
	}
	return s.each(ctx, func(st *setting) {
		if st.Key == "davcore.ischedule.backendid" {
			report(st, st.Value)
		}
		for _, prefix := range uriFamilies() {
			if _, last, ok := family(st.Key, prefix); ok && last == "backendid" {
				report(st, fixedBackend(st.Value))
			}
		}
	})
}

func checkBackendIDs(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	any := false
	err := s.each(ctx, func(st *setting) {
		name, last, ok := family(st.Key, "store.dav")
		if !ok || last != "backendid" || st.Value == "" {
			return
		}
		any = true
		if st.Value == name {
			return
		}
		f := s.of(st, fmt.Sprintf("%s is %s: the directory must use that id, not '%s'", st.Key, quotedPart(st.Value, st.Value), name), finding.Fix{})
		// This is how the default back end is renamed, so it may be intended.
		if name != "defaultbackend" {
			f.Fix = s.fixSet(st.Key, name)
		}
		emit(f)
	})
	if err == nil && !any {
		return finding.NotApplicable("no backendid is set")
	}
	return err
}

func checkSharedStores(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	first := map[string]*setting{}
	n := 0
	err := s.each(ctx, func(st *setting) {
		id, last, ok := family(st.Key, "store.dav")
		if !ok || st.Value == "" {
			return
		}
		var store string
		switch {
		case last == "dbdir" && s.value("store.dav."+id+".attachstorehost") == "":
			store = "directory " + path.Clean(strings.TrimSpace(st.Value))
		case last == "dburl":
			_, rest, _ := strings.Cut(st.Value, "://")
			store = "database " + rest
		default:
			return
		}
		n++
		if other := first[store]; other == nil {
			first[store] = st
		} else {
			emit(s.of(st, fmt.Sprintf("%s is the same as %s in line %d: two back ends would share one store", st.Key, other.Key, other.Line), finding.Fix{}))
		}
	})
	if err == nil && n < 2 {
		return finding.NotApplicable("the location of the store is set for fewer than two back ends")
	}
	return err
}

func checkRanks(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	first := map[string]*setting{}
	n := 0
	err := s.each(ctx, func(st *setting) {
		for _, prefix := range uriFamilies() {
			_, last, ok := family(st.Key, prefix)
			if !ok || last != "rank" {
				continue
			}
			rank, err := strconv.Atoi(strings.TrimSpace(st.Value))
			if err != nil {
				continue // reported by type-mismatch
			}
			n++
			key := fmt.Sprint(prefix, " ", rank)
			if other := first[key]; other == nil {
				first[key] = st
			} else {
				emit(s.of(st, fmt.Sprintf("%s is %d, and so is %s in line %d: which pattern comes first is left to chance", st.Key, rank, other.Key, other.Line), finding.Fix{}))
			}
		}
	})
	if err == nil && n < 2 {
		return finding.NotApplicable("the rank is set for fewer than two patterns")
	}
	return err
}

// BackendIDs lists, in order, the ids of the back ends that accounts can be assigned
// to: those that every server has, those named by a parameter in the file, and
// the ids set by backendid. The back end of the iSchedule inbox and outbox has no
// accounts.
func BackendIDs(r *Registry, d *Document) []string {
	var ids []string
	for _, p := range r.all {
		if id, last, ok := family(p.Name, "store.dav"); ok && last == "backendid" && id != "*" {
			ids = append(ids, id)
		}
	}
	for key, value := range d.All() {
		if id, last, ok := family(key, "store.dav"); ok {
			ids = append(ids, id)
			if last == "backendid" && value != "" {
				ids = append(ids, value)
			}
		}
	}
	global := r.Effective(d, "davcore.ischedule.backendid")
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == global })
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Backend is a back end: the id by which the directory names it, and the
// part of its parameters' names that tells them from those of others.
type Backend struct{ Key, ID string }

// Parameter is the name of one of its parameters.
func (b Backend) Parameter(last string) string { return "store.dav." + b.Key + "." + last }

// Backends lists the back ends that hold accounts, by id: those that every
// server has and those with a parameter of their own, but not the one of
// iSchedule.
func Backends(r *Registry, d *Document) []Backend {
	var keys []string
	for _, p := range r.all {
		if key, last, ok := family(p.Name, "store.dav"); ok && last == "backendid" && key != "*" {
			keys = append(keys, key)
		}
	}
	for name := range d.All() {
		if key, _, ok := family(name, "store.dav"); ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var out []Backend
	for _, key := range slices.Compact(keys) {
		b := Backend{Key: key}
		if b.ID = strings.TrimSpace(r.Effective(d, b.Parameter("backendid"))); b.ID == "" {
			b.ID = key
		}
		if b.ID == r.Effective(d, "davcore.ischedule.backendid") || slices.ContainsFunc(out, func(x Backend) bool { return x.ID == b.ID }) {
			continue
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(x, y Backend) int { return strings.Compare(x.ID, y.ID) })
	return out
}
