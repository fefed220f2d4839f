package spec_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

// structural are the rules that a schema can see: an editor flags each such fault.
var structural = []diag.Rule{diag.UnknownKey, diag.MissingKey, diag.WrongType, diag.DuplicateKey, diag.UnsupportedVersion,
	diag.InvalidName, diag.InvalidText, diag.MultipleDocuments, diag.YAMLSyntax}

// partly are the rules of which an editor sees some faults: values against their
// enumerations and patterns, and YAML that its own parser refuses or that falls
// into pieces.
var partly = []diag.Rule{diag.InvalidValue, diag.ForeignSyntax, diag.IntegerOverflow, diag.ReservedName, diag.QuoteExpression, diag.MergeKey, diag.AnchoredKey, diag.NonStringKey}

// unseen are structural faults that no schema can see, with the reason.
var unseen = map[string]string{
	"scan-unwritten@missing-key": "what writes a carry stands under another key, by its name",
	"var-range@wrong-type":       "a var's value is compared with its declared type",
	"share@wrong-type":           "the schema takes any text for a path",
	"share@invalid-name":         "and for a parameter's name",
	"yaml-empty@missing-key":     "the server says nothing about an empty document",
	"yaml-not-utf8@invalid-text": "an editor has the text as characters, whatever bytes were in the file",
	"yaml-control@invalid-text":  "the server takes control characters",
	"yaml-nul@invalid-text":      "and NUL among them",
}

// Beside a structural fault, or one line from it, stands a complaint; nothing
// stands in a spec that is valid, or whose faults only the decoder can see.
func TestAnEditorFlagsStructuralFaultsAndNothingElse(t *testing.T) {
	texts := map[string]string{}
	for _, file := range specFiles(t, invalid+"/*.yaml") {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[filepath.Base(file)] = string(src)
	}
	for name, text := range validTexts(t) {
		texts[strings.NewReplacer("/", "_", "..", "").Replace(name)] = text
	}
	all := startLanguageServer(t, spec.Schema()).complaints(texts)
	for name, text := range texts {
		quiet := true
		for _, m := range expectation.FindAllStringSubmatch(text, -1) {
			rule := diag.Rule(m[1])
			quiet = quiet && !slices.Contains(structural, rule) && !slices.Contains(partly, rule)
			if !slices.Contains(structural, rule) || unseen[strings.TrimSuffix(name, ".yaml")+"@"+m[1]] != "" {
				continue
			}
			line, err := strconv.Atoi(strings.Split(m[2], ":")[0])
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(all[name], func(c complaint) bool { return max(c.line()-line, line-c.line()) <= 1 }),
				"%s: no complaint about %s; there are %v", name, m[0], all[name])
		}
		if quiet {
			require.Empty(t, all[name], "%s: only the decoder can see what is wrong here, if anything", name)
		}
	}
}

func specFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		require.NoError(t, err)
		all = append(all, files...)
	}
	require.NotEmpty(t, all)
	return all
}

func TestTheSchemaIsTheSameEveryTime(t *testing.T) {
	require.Equal(t, string(spec.Schema()), string(spec.Schema()))
	var schema struct {
		Schema string `json:"$schema"`
	}
	require.NoError(t, json.Unmarshal(spec.Schema(), &schema))
	require.Equal(t, "https://json-schema.org/draft/2020-12/schema", schema.Schema)
	require.True(t, strings.HasSuffix(string(spec.Schema()), "}\n"))
}
