// Package rules owns the page of every lint rule: what it means, why it exists, and
// a wrong and a right example.
//
// A page is named after its rule. YAML blocks marked "wrong" break this rule and no
// other, and blocks marked "right" are valid; tests check both.
package rules

import "embed"

//go:embed *.md
var pages embed.FS

// Page returns the page of a rule, as Markdown; "" if there is none.
func Page(rule string) string {
	text, err := pages.ReadFile(rule + ".md")
	if err != nil {
		return ""
	}
	return string(text)
}
