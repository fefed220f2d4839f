package spec_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/spec"
)

// exampleSpec completes the example of a module: it shows a model, or an entry
// of train.
func exampleSpec(example string) string {
	if strings.HasPrefix(example, "inputs:") {
		return "flowrun: 1\nmodel:\n" + indent(example) + "  outputs: [" + lastNode(example) + "]\n"
	}
	return `flowrun: 1
model:
  nodes: {w: {Linear: "ones([1, 1])", out_features: 1}}
  outputs: [w]
train:
  loss: sum(w)
  max_steps: 1
` + indent(withOptimizer(example))
}

// exampleOf is the example that a module gives, "" if it gives none.
func exampleOf(m spec.Module) string {
	_, example, _ := strings.Cut(m.Source, "    example: |\n")
	text := ""
	for _, line := range strings.SplitAfter(example, "\n") {
		if !strings.HasPrefix(line, "      ") {
			break
		}
		text += line[6:]
	}
	return text
}

func withOptimizer(example string) string {
	if strings.Contains(example, "optimizer:") {
		return example
	}
	return example + "optimizer: {SGD: {lr: 0.1}}\n"
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ") + "\n"
}

// lastNode is the name of the last node of an example.
func lastNode(example string) string {
	lines := strings.Split(strings.TrimRight(example, "\n"), "\n")
	name, _, _ := strings.Cut(strings.TrimSpace(lines[len(lines)-1]), ":")
	if name == "nodes" {
		return "error"
	}
	return name
}

func TestEveryStandardModuleHasADocAndAnExampleThatIsValid(t *testing.T) {
	modules := spec.StandardModules()
	require.Greater(t, len(modules), 30)
	for _, m := range modules {
		t.Run(m.Name, func(t *testing.T) {
			require.NotEmpty(t, m.Doc)
			require.NotEmpty(t, m.Group)
			text := exampleOf(m)
			require.NotEmpty(t, text)
			_, list := spec.Parse("example.yaml", []byte(exampleSpec(text)), spec.Options{})
			require.Empty(t, list.Items, "%s", list.Text())
			require.Contains(t, text, m.Name)
		})
	}
}

func TestTheSourceOfAStandardModuleCanBePastedIntoASpec(t *testing.T) {
	for _, m := range spec.StandardModules() {
		text := "flowrun: 1\nmodel:\n  nodes: {y: \"ones([1])\"}\n  outputs: [y]\n" +
			strings.Replace(m.Source, "    doc:", "    override: true\n    doc:", 1)
		p, list := spec.Parse("pasted.yaml", []byte(text), spec.Options{})
		require.NotNil(t, p, list.Text())
	}
}

// The list of modules in the reference stands between marks.
func TestTheReferenceListsTheModulesOfTheStandardLibrary(t *testing.T) {
	const file = "../docs/language.md"
	mark := regexp.MustCompile(`(?s)<!-- generated: the standard library -->\n.*?<!-- end -->`)
	doc, err := os.ReadFile(file)
	require.NoError(t, err)
	var list strings.Builder
	group := ""
	for _, m := range spec.StandardModules() {
		if m.Group != group {
			group = m.Group
			fmt.Fprintf(&list, "\n### %s\n\n| call | result |\n|---|---|\n", group)
		}
		fmt.Fprintf(&list, "| `%s` | %s |\n", m.Signature, m.Doc)
	}
	require.Len(t, mark.FindAll(doc, -1), 1)
	want := mark.ReplaceAllLiteralString(string(doc), "<!-- generated: the standard library -->\n"+list.String()+"\n<!-- end -->")
	goldentest.Equal(t, file, want)
}
