package config

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSure(t *testing.T) {
	for s, want := range map[Certainty]string{
		CertaintySeen: "seen in the manual", CertaintyRemembered: "remembered", CertaintyGuessed: "guessed", CertaintyOurs: "ours", Certainty(1): "sure(1)",
	} {
		if got := s.String(); got != want {
			t.Errorf("%d: %q, want %q", s, got, want)
		}
	}
}

func TestValues(t *testing.T) {
	for name, want := range map[string][]string{
		"davcore.virusscan.onlinevirusaction": {"reject", ""},
		"davcore.attachment.enable":           {"true", "false"},
		"log.dav.errors.loglevel":             {"SEVERE", "WARNING", "INFO", "CONFIG", "FINE", "FINER", "FINEST", "OFF"},
		"davcore.uriinfo.subjectattributes":   nil,
		"base.ldapinfo.cachesize":             nil,
	} {
		if got := mustLookup(t, name).Values(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"store.document.password", "secret", "********"},
		{"store.document.password", "", ""},
		{"base.ldappool.x.bindpassword", "s", "********"},
		{"store.dav.x.dburl", "", ""},
		{"store.dav.x.dburl", "postgres://u:secret@h/db", "postgres://u:****@h/db"},
		{"store.dav.x.dburl", "postgres://u@h/db", "postgres://u@h/db"},
		{"store.dav.x.dburl", "host=h password=secret", "********"},
		{"store.dav.x.dburl", "postgres:u:secret@h", "********"},
		{"store.dav.x.dburl", "postgres://u:sec ret@h", "********"},
		{"base.ldapinfo.dcroot", "http://u:p@h", "http://u:****@h"},
	} {
		if got := mustLookup(t, c.name).Mask(c.value); got != c.want {
			t.Errorf("%s: Mask(%q) = %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		name                       string
		secret, fold, list, family bool
	}{
		{"store.document.password", true, false, false, false},
		{"davcore.uriinfo.subjectattributes", false, true, true, false},
		{"davcore.ldapattr.groupobject", false, true, true, false},
		{"service.dav.ischedulewhitelist", false, false, true, false},
		{"base.ldappool.x.bindpassword", true, false, false, true},
		{"davcore.scheduling.localuserattr", false, false, false, false},
	} {
		p := mustLookup(t, c.name)
		if p.Secret() != c.secret || p.FoldCase() != c.fold || p.List != c.list || p.Family() != c.family {
			t.Errorf("%s: secret %v, fold %v, list %v, family %v", c.name, p.Secret(), p.FoldCase(), p.List, p.Family())
		}
	}
}

// No check panics on any value, and no message is malformed, too long, or contains
// a secret.
func FuzzCheck(f *testing.F) {
	for _, v := range []string{"", "a", " ", "\x00", "\xff", "true", "12", "postgres://u:p@h", "(a=b)", "${a}", "@:r"} {
		f.Add(v)
	}
	all := mustRegistry(f).All()
	f.Fuzz(func(t *testing.T, value string) {
		for _, p := range all {
			problems := p.Check(value)
			if p.Type == AttributeList && len(problems) > 1 {
				problems = problems[:1]
			}
			for _, problem := range problems {
				text := problem.Text + problem.Hint
				if !utf8.ValidString(text) || len(text) > 2000 || strings.ContainsAny(text, "\n\x00\x1b") {
					t.Errorf("%s %q: message %q", p.Name, value, text)
				}
				if len(value) > 40 && (p.Secret() || p.Type == URL) && strings.Contains(text, value) {
					t.Errorf("%s: the value is in the message %q", p.Name, text)
				}
			}
			p.Mask(value)
		}
	})
}
