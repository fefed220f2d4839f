// Package rules owns the page of every rule that a spec is checked against:
// what it means, why it is there, a wrong and a right example.
//
// A page is named after its rule. Its blocks of YAML marked "wrong" break this
// rule and no other, those marked "right" are valid; tests hold all of that.
package rules

import "embed"

//go:embed *.md
var pages embed.FS

// Page gives the page of a rule, as Markdown; "" if there is none.
func Page(rule string) string {
	text, err := pages.ReadFile(rule + ".md")
	if err != nil {
		return ""
	}
	return string(text)
}
