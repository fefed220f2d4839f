package spec

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/spec/expr"
)

func reference(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/language.md")
	require.NoError(t, err)
	return string(text)
}

func TestTheReferenceListsEveryKey(t *testing.T) {
	doc := reference(t)
	for _, s := range []*section{rootSection, varSection, sourceSection, fieldSection, modelSection, trainSection,
		moduleSection, optimizerSection, argSection, paramSection, stateSection, placementSection, ruleSection} {
		for _, k := range s.keys {
			require.Contains(t, doc, fmt.Sprintf("| `%s` |", k.name), "%s: %s", s.name, k.name)
		}
	}
	for _, k := range reservedKeys {
		require.Contains(t, doc, "`"+k+"`")
	}
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
	for name := range expr.Functions {
		require.Regexp(t, "[ `]"+name+"[ `]", doc)
	}
}

func TestExamplesOfTheReferenceAreValid(t *testing.T) {
	found := 0
	for _, block := range strings.Split(reference(t), "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		if !strings.HasPrefix(block, "flowrun: 1") {
			continue
		}
		found++
		_, list := Parse("example.yaml", []byte(block), Options{})
		require.Empty(t, list.Items, list.Text())
	}
	require.GreaterOrEqual(t, found, 2)
}

func TestKeysOfASectionAreDocumented(t *testing.T) {
	require.Equal(t, "100", trainSection.key("log_every").fallback)
	require.Equal(t, 100, defaultLogEvery)
	for _, k := range rootSection.keys {
		require.NotEmpty(t, k.doc)
	}
}
