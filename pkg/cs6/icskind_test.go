package cs6

import (
	"strings"
	"testing"
)

func TestOtherKind(t *testing.T) {
	const bom = "\xef\xbb\xbf"
	for text, want := range map[string]string{
		"local.hostname = \"cs6\"\n":                             "",
		"! a comment\n\n!!service.http.port = \"80\"\n":          "",
		bom + "local.hostname = \"cs6\"\n":                       "",
		"local.hostname = cs6\n":                                 "", // without quotes, but nothing else either
		"# a comment\nlocal.hostname = \"cs6\"\n":                "",
		"just words\n":                                           "",
		"service.dav.x = \"y\"\nlocal.hostname = \"cs6\"\n":      "", // some of each
		"caldb.berkeleydb.x = \"caf\xe9\"\n":                     "", // Latin-1
		"<?xml version=\"1.0\"?>\n<server/>\n":                   "an XML document",
		bom + "\r\n<?xml version=\"1.0\"?>":                      "an XML document",
		"<server>\n":                                             "an XML document",
		"<!DOCTYPE server>":                                      "an XML document",
		"<!DOCTYPE HTML>\n<html>":                                "an HTML page",
		"<HTML><title>Log in</title>":                            "an HTML page",
		"version: 1\n\ndn: o=isp\n":                              "LDIF",
		"# export\ndn:: bz1pc3A=\n":                              "LDIF",
		"{\"a\": 1}":                                             "JSON",
		"BEGIN:VCALENDAR\r\n":                                    "an iCalendar object",
		"-----BEGIN CERTIFICATE-----\n":                          "a PEM file (a certificate or a key)",
		"PK\x03\x04\x14":                                         "a zip archive or an Office document",
		"\x1f\x8b\x08":                                           "a gzip file",
		"%PDF-1.4\n":                                             "a PDF document",
		`{\rtf1 local.hostname = "cs6"}`:                         "an RTF document",
		"local.hostname\x00\x00":                                 "binary data",
		"\x01\x02\x03abcdef":                                     "binary data",
		"":                                                       "an empty file",
		bom + " \n":                                              "an empty file",
		"davcore.uriinfo.subjectattributes=cn mail\n":            "a configuration of Calendar Server 7 (davserver.properties)",
		"#Fri\nlog.dav.errors.loglevel=INFO\nsite.a=b\n":         "a configuration of Calendar Server 7 (davserver.properties)",
		strings.Repeat("! x\n", 1<<16) + "<?xml version=\"1\"?>": "", // beyond what is looked at
	} {
		if got := OtherKind([]byte(text)); got != want {
			t.Errorf("%.60q: %q, want %q", text, got, want)
		}
	}
}

func FuzzOtherKind(f *testing.F) {
	f.Add([]byte("<?xml"))
	f.Add([]byte("a = \"b\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if kind := OtherKind(b); len(kind) > 80 {
			t.Error(kind)
		}
	})
}
