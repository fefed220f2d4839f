package spec

import (
	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"

	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const languagePage = "../../docs/language.md"

func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(languagePage)
	require.NoError(t, err)
	return string(text)
}

// tables are the sections whose keys the reference lists, each by the name that
// its mark in docs/language.md has.
var tables = map[string]*section{"spec": rootSection, "var": varSection, "source": sourceSection, "field": fieldSection,
	"model": modelSection, "train": trainSection, "placement": placementSection, "rule": ruleSection, "node": nodeSection,
	"module": moduleSection, "argument": argSection, "parameter": paramSection, "state": stateSection, "optimizer": optimizerSection,
	"group": groupSection, "import": importSection, "library": librarySection, "init": initSection, "eval": evalSection, "early_stop": earlyStopSection, "checkpoint": checkpointSection, "best": bestSection}

// The tables of keys stand between marks.
func TestTheReferenceListsTheKeysOfTheDecodersTables(t *testing.T) {
	mark := regexp.MustCompile(`(?s)<!-- generated: keys of ([a-z_]+) -->\n.*?<!-- end -->`)
	doc := reference(t)
	listed := map[string]bool{}
	want := mark.ReplaceAllStringFunc(doc, func(old string) string {
		name := mark.FindStringSubmatch(old)[1]
		require.Contains(t, tables, name)
		listed[name] = true
		return "<!-- generated: keys of " + name + " -->\n" + keyTable(tables[name]) + "<!-- end -->"
	})
	require.Len(t, listed, len(tables), "every section has its table")
	goldentest.Equal(t, languagePage, want)
}

// keyTable is a section's table in the reference.
func keyTable(s *section) string {
	var b strings.Builder
	b.WriteString("| key | takes | meaning |\n|---|---|---|\n")
	for _, k := range s.keys {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, takes(k), k.describe())
	}
	return b.String()
}

// takes says in a cell of a table what a key takes.
func takes(k keyDecl) string {
	words := forms[k.value].words
	switch {
	case k.required:
		return words + ", required"
	case k.fallback != "":
		return words + "; `" + k.fallback + "` if absent"
	}
	return words
}

func TestEveryKeySaysWhatItTakesAndMeans(t *testing.T) {
	for name, s := range tables {
		for _, k := range s.keys {
			require.NotEmpty(t, k.doc, "%s: %s", name, k.name)
			require.Contains(t, forms, k.value, "%s: %s", name, k.name)
			require.NotEmpty(t, forms[k.value].words, "%s: %s", name, k.name)
		}
		for _, key := range s.one {
			require.NotNil(t, s.key(key), "%s: %s", name, key)
		}
	}
	require.Equal(t, "100", trainSection.key("log_every").fallback)
	require.Equal(t, 100, defaultLogEvery)
}

func TestTheReferenceListsTheStandardLibraryAndTheFunctions(t *testing.T) {
	doc := reference(t)
	for _, known := range []map[string]*module{standard().modules, standard().optimizers} {
		for name, m := range known {
			require.Contains(t, doc, "`"+name+"(", name)
			require.NotEmpty(t, m.doc, name)
			for _, a := range m.args {
				require.Contains(t, doc, a.name)
			}
		}
	}
	for name := range comptime.ListFunctions {
		require.Regexp(t, "[ `]"+name+"[ `]", doc)
	}
	for name, op := range ir.Ops() {
		if op.Scalar != nil {
			require.Regexp(t, "[ `]"+name+"[ `]", doc)
		}
	}
}
