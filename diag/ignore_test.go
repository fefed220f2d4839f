package diag_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
)

func ignoring(text string, findings ...diag.Diagnostic) []diag.Rule {
	l := diag.List{Ignores: []diag.Ignore{{Range: at("a", 1, 5, 9), Line: 1, Text: text}}}
	for _, d := range findings {
		l.Add(d)
	}
	l.ApplyIgnores("a")
	l.ApplyIgnores("a") // once is enough
	rules := []diag.Rule{}
	for _, d := range l.Items {
		rules = append(rules, d.Rule)
	}
	return rules
}

func TestACommentAcceptsTheWarningsOfItsRuleAndLine(t *testing.T) {
	here := diag.Diagnostic{Rule: diag.UnusedVar, Range: at("a", 1, 1, 2)}
	again := diag.Diagnostic{Rule: diag.UnusedVar, Range: at("a", 1, 3, 4)}
	below := diag.Diagnostic{Rule: diag.UnusedVar, Range: at("a", 2, 1, 2)}
	other := diag.Diagnostic{Rule: diag.UnusedVar, Range: at("b", 1, 1, 2)}
	wrong := diag.Diagnostic{Rule: diag.UnknownKey, Range: at("a", 1, 1, 2)}
	require.Empty(t, ignoring(" unused-var why", here, again))
	require.Equal(t, []diag.Rule{diag.UnusedVar, diag.UnusedVar}, ignoring(" unused-var why", here, below, other))
	require.Equal(t, []diag.Rule{diag.UnusedVar, diag.UnusedIgnore}, ignoring(" unused-var why", below))
	require.Equal(t, []diag.Rule{diag.UnknownKey}, ignoring(" unused-var why", wrong), "with errors not all was looked at")
	shared := diag.List{Ignores: []diag.Ignore{{Range: at("b", 1, 5, 9), Line: 1, Text: " unused-var why"}}}
	shared.ApplyIgnores("a")
	require.Empty(t, shared.Items, "another file that imports b may need the comment")
	for _, text := range []string{"", " ", " unused-var", " unused-var\t", " unused-vars why", " unknown-key why", " unused-ignore why"} {
		require.Equal(t, []diag.Rule{diag.UnusedVar, diag.InvalidIgnore}, ignoring(text, here), text)
	}
}
