package config

import "testing"

// A parameter that names an attribute gets a warning if the server does not fetch it.
func TestModifyWarnsAboutAttributesThatAreNotFetched(t *testing.T) {
	const list = "davcore.uriinfo.subjectattributes"
	set := func(name, value string) Request { return Request{Name: name, Value: value} }
	for name, c := range map[string]struct {
		file     string
		requests []Request
		missing  []string
	}{
		"in the default list":    {"", []Request{set(paramLocalUserAttr, "davStore")}, nil},
		"not in it":              {"", []Request{set(paramLocalUserAttr, "xNew")}, []string{"xNew"}},
		"added at once":          {"", []Request{set(paramLocalUserAttr, "xNew"), {Name: list, Action: ActionMembers, Add: []string{"xnew"}}}, nil},
		"emptied":                {"", []Request{set(paramLocalUserAttr, "")}, nil},
		"unset":                  {paramLocalUserAttr + "=xNew\n", []Request{{Name: paramLocalUserAttr, Action: ActionUnset}}, nil},
		"a shorter list":         {list + "=cn mail davuniqueid mailalternateaddress\n", []Request{set(paramLocalUserAttr, "davstore")}, []string{"davstore"}},
		"the unique id":          {"", []Request{set(paramPermanentUniqueID, "entryUUID")}, []string{"entryUUID"}},
		"a default not fetched":  {list + "=cn\n", []Request{{Name: paramMail, Action: ActionUnset}}, []string{"mail"}},
		"the mail address":       {"", []Request{set(paramMail, "rfc822")}, []string{"rfc822"}},
		"a template":             {"", []Request{set("davcore.homeuri.0.backendid", "${xNew,default}")}, []string{"xNew"}},
		"a group of the pattern": {"", []Request{set("davcore.homeuri.0.backendid", "$1")}, nil},
		"twice":                  {"", []Request{set("davcore.homeuri.0.backendid", "${xNew}"), set("davcore.homeuri.1.backendid", "${xNew}")}, []string{"xNew", "xNew"}},
		"something else":         {list + "=cn\n", []Request{set("davcore.ldapattr.timezone", "xzone")}, nil},
	} {
		d, err := Parse([]byte(c.file))
		if err != nil {
			t.Fatal(err)
		}
		warnings, err := mustRegistry(t).Modify(d, c.requests, ModifyOptions{Strict: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var missing []string
		for _, w := range warnings {
			missing = append(missing, w.Missing)
			if w.List != list || w.Name == list {
				t.Errorf("%s: %+v", name, w)
			}
		}
		if len(missing) != len(c.missing) || len(missing) > 0 && missing[0] != c.missing[0] {
			t.Errorf("%s: %q, want %q", name, missing, c.missing)
		}
	}
}
