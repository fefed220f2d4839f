package syntax

import (
	"fmt"
	"github.com/flowrun/flowrun/data/table"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/comptime"
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
var tables = map[string]*Section{"spec": RootSection, "var": varSection, "source": SourceSection, "field": FieldSection, "split": splitSection,
	"model": modelSection, "train": TrainSection, "generate": GenerateSection, "placement": PlacementSection, "rule": ruleSection, "node": NodeSection,
	"module": moduleSection, "update": updateSection, "average": averageSection, "argument": argSection, "parameter": paramSection, "state": stateSection, "carry": carrySection, "scan": scanSection, "optimizer": optimizerSection,
	"group": groupSection, "import": importSection, "library": LibrarySection, "init": initSection, "eval": evalSection, "early_stop": earlyStopSection, "checkpoint": checkpointSection, "best": bestSection}

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

// Each kind of file has a heading, what the file contains, and its keys.
func TestTheReferenceDescribesEveryKindOfFile(t *testing.T) {
	mark := regexp.MustCompile(`(?s)<!-- generated: kinds of files -->\n.*?<!-- end -->`)
	var b strings.Builder
	b.WriteString("<!-- generated: kinds of files -->\n")
	for _, o := range origins {
		if o.kind == nil {
			continue
		}
		fmt.Fprintf(&b, "##### %s\n\n%s.\n\n", o.Name, Capital(o.kind.Doc))
		if len(o.kind.Keys) > 0 {
			b.WriteString(strings.ReplaceAll(keyTable(o.own(o.kind.Keys)), "| key |", "| key of the data source |") + "\n")
		}
		if len(o.kind.FieldKeys) > 0 {
			b.WriteString(strings.ReplaceAll(keyTable(o.own(o.kind.FieldKeys)), "| key |", "| key of a field |") + "\n")
		}
	}
	doc := reference(t)
	require.Len(t, mark.FindAllString(doc, -1), 1)
	goldentest.Equal(t, languagePage, mark.ReplaceAllLiteralString(doc, b.String()+"<!-- end -->"))
}

// own is a section of a kind's own keys.
func (o *origin) own(keys []table.Key) *Section {
	s := &Section{}
	for _, k := range keys {
		s.Keys = append(s.Keys, keyOf(k))
	}
	return s
}

// keyTable is a section's table in the reference.
func keyTable(s *Section) string {
	var b strings.Builder
	b.WriteString("| key | takes | meaning |\n|---|---|---|\n")
	for _, k := range s.Keys {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, takes(k), k.Describe())
	}
	return b.String()
}

// takes says in a cell of a table what a key takes.
func takes(k Key) string {
	words := Forms[k.Value].words
	switch {
	case k.Required:
		return words + ", required"
	case k.Default != "":
		return words + "; `" + k.Default + "` if absent"
	}
	return words
}

func TestEveryKeySaysWhatItTakesAndMeans(t *testing.T) {
	for name, s := range tables {
		for _, k := range s.Keys {
			require.NotEmpty(t, k.doc, "%s: %s", name, k.Name)
			require.Contains(t, Forms, k.Value, "%s: %s", name, k.Name)
			require.NotEmpty(t, Forms[k.Value].words, "%s: %s", name, k.Name)
		}
		for _, key := range s.One {
			require.NotNil(t, s.Key(key), "%s: %s", name, key)
		}
	}
	require.Equal(t, "100", TrainSection.Key("log_every").Default)
	require.Equal(t, 100, defaultLogEvery)
}

func TestTheReferenceListsTheStandardLibraryAndTheFunctions(t *testing.T) {
	doc := reference(t)
	for _, known := range []map[string]*Module{Standard().Modules, Standard().Optimizers} {
		for name, m := range known {
			require.Contains(t, doc, "`"+name+"(", name)
			require.NotEmpty(t, m.Doc, name)
			for _, a := range m.Args {
				require.Contains(t, doc, a.Name)
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
