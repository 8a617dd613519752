package ui

// Red returns text in red, for errors. The caller decides whether colours are
// wanted.
func Red(s string) string { return "\x1b[31m" + s + "\x1b[0m" }

// Yellow returns text in yellow, for warnings.
func Yellow(s string) string { return "\x1b[33m" + s + "\x1b[0m" }

// Green returns text in green, for what is good or new.
func Green(s string) string { return "\x1b[32m" + s + "\x1b[0m" }

// Dim returns text dimmed, for what is less important.
func Dim(s string) string { return "\x1b[2m" + s + "\x1b[0m" }
