package config

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/finding"
)

// Whatever the file contains, every rule ends once, no check breaks, and Modify
// accepts every suggested edit.
func TestCheckOddFiles(t *testing.T) {
	rules := CheckRules()
	reg := mustRegistry(t)
	var names []string
	for _, p := range reg.All() {
		names = append(names, strings.ReplaceAll(p.Name, "*", "x"))
	}
	odd := rapid.Custom(func(t *rapid.T) []byte {
		var out []byte
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			out = append(out, oddFile().Draw(t, "odd")...)
			out = append(out, rapid.SampledFrom(names).Draw(t, "name")...)
			out = append(out, rapid.SampledFrom([]string{"=", ":", " ", "\\=", "\n", ""}).Draw(t, "sep")...)
			out = append(out, rapid.OneOf(oddText(), rapid.SampledFrom([]string{
				"true", "0", "99999999999999999999", "postgres://u:p@h/d", "${a,b}", "${", "TLSv1", "h:389 [::1]:636 :", "davstore", "it's",
			})).Draw(t, "value")...)
			out = append(out, rapid.SampledFrom([]string{"\n", "\\\n", " \n", ""}).Draw(t, "end")...)
		}
		return out
	})
	rapid.Check(t, func(rt *rapid.T) {
		text := odd.Draw(rt, "file")
		r := Check(context.Background(), CheckInput{Path: checkedPath, Text: text, Info: modeInfo(0o666), Registry: reg})
		if len(r.Outcomes) != len(rules)+1 {
			rt.Fatalf("%q: %d outcomes", text, len(r.Outcomes))
		}
		_, err := Parse(text)
		var syntax *SyntaxError
		for i, rule := range rules {
			if o := r.Outcomes[i]; o.Rule != rule.ID || o.Result == "" {
				rt.Fatalf("%q: %+v is not about %s", text, o, rule.ID)
			}
		}
		for _, f := range r.Findings {
			if f.Rule == "check-not-run" && !errors.As(err, &syntax) && !isUTF16(text) {
				rt.Fatalf("%q: %s", text, f.Detail)
			}
			if f.Fix.Type == finding.FixParameter {
				for _, s := range f.Fix.Steps {
					if err := reg.Validate(requestsOf(rt, s.Task), ModifyOptions{}); err != nil {
						rt.Fatalf("%q: %s\n%s: %v", text, describe(f), s.Task, err)
					}
				}
			}
		}
	})
}

// No matter how a password got into the file, no finding and no fix repeats it.
func TestCheckHidesSecrets(t *testing.T) {
	const marker = "geheim7Q"
	reg := mustRegistry(t)
	var settings []string
	for _, p := range reg.All() {
		name := strings.ReplaceAll(p.Name, "*", "x")
		if p.Secret() {
			settings = append(settings, name+"="+marker)
		}
		if p.DatabaseURL() {
			for _, url := range []string{
				"postgres://u:" + marker + "@h/db", "postgres://u@h/db?password=" + marker, "mysql://u:" + marker + "@h/db",
				"host=h password=" + marker, "postgres:u:" + marker + "@h", "postgres://u:a/" + marker + "@h/db", "postgres://u:a b" + marker + "@h",
				"jdbc:postgresql://h/db?user=u&password=" + marker, "postgres://h/db;password=" + marker, "postgres://u:" + marker + "@x@h1,h2/db",
			} {
				settings = append(settings, name+"="+url)
			}
		}
	}
	if len(settings) < 10 {
		t.Fatalf("only %d settings", len(settings))
	}
	hosts := []string{ // what is on the same line, or on the line before
		"davcore.attachment.enable=true", "base.ldapinfo.ugldap.ldaphost=h", "davcore.homeuri.0.backendid=x", "log.dav.errors.loglevel=INFO",
		"davcore.uriinfo.subjectattributes=cn", "davcore.scheduling.localuserattr=davstore", "base.ldapinfo.cachesize=5", "unknown.name=x",
		"store.dav.a.dbdir=x", "davcore.uriinfo.fulluriprefix=http://localhost", "base.ldapinfo.ugldap.sslprotocols=TLSv1", "service.port=1",
		"davcore.uriinfo.permanentuniqueid=nsuniqueid", "store.dav.a.backendid=b", "base.ldapinfo.authldap.binddn=cn=x",
	}
	shapes := []func(setting, host string) string{
		func(s, _ string) string { return s + "\n" },
		func(s, _ string) string { return s + " \n" + s + "x\n" },
		func(s, h string) string { return h + "\\\n" + s + "\n" },
		func(s, h string) string { return h + "\\\n  " + s + "\\\n" + h + "\n" },
		func(s, h string) string { return h + " " + s + "\n" },
		func(s, h string) string { return h + s + "\n" },
		func(s, h string) string { return h + " " + strings.Replace(s, "=", " ", 1) + "\n" },
		func(s, _ string) string { return "#" + s + "\n! " + s + "\n" },
		func(s, _ string) string { return strings.Replace(s, "=", "\\=", 1) + "\n" },
		func(s, _ string) string { return strings.Replace(s, "=", "\\=", 1) + "=x\n" },
		func(s, _ string) string { return "\xef\xbb\xbf" + s + "\n" },
		func(s, _ string) string { return "\xef\xbb\xbf" + strings.Replace(s, "=", "\\=", 1) + "\n" },
		func(s, _ string) string { return s + "\x01é\n" },
		func(s, _ string) string { return s + "\n" + strings.Replace(s, marker, marker+"2", 1) },
		func(s, _ string) string {
			return strings.Replace(s, "d=", "dd=", 1) + "\nstore.dav.x.dburk" + s[strings.IndexByte(s, '='):] + "\n"
		},
		func(s, h string) string { return s + "\\u00" },
		func(s, _ string) string { return s + "\\" },
		func(s, _ string) string { return "ashttpd\\:" + s + "\nashttpd\\:service.port=" + s + "\n" },
	}
	for _, s := range settings {
		for n, shape := range shapes {
			for _, h := range hosts {
				text := shape(s, h)
				r := Check(t.Context(), CheckInput{Path: checkedPath, Text: []byte(text), Info: modeInfo(0o644), Registry: reg})
				b, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(b)+describeAll(r.Findings), marker) {
					t.Errorf("shape %d: %q:\n%s", n, text, describeAll(slices.DeleteFunc(r.Findings, func(f finding.Finding) bool {
						return !strings.Contains(describe(f), marker)
					})))
				}
			}
		}
	}
}
