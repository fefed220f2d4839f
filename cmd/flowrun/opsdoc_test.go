package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

var update = flag.Bool("update", false, "write docs/ops.md")

const opsPage = "../../docs/ops.md"

func TestOpsPageIsUpToDate(t *testing.T) {
	want := opsMarkdown()
	if *update {
		require.NoError(t, os.WriteFile(opsPage, []byte(want), 0o644))
	}
	text, err := os.ReadFile(opsPage)
	require.NoError(t, err)
	if changed := changedLines(string(text), want); changed != "" {
		t.Fatalf("docs/ops.md is stale:\n%sgo test ./cmd/flowrun -run OpsPage -update writes it", changed)
	}
}

// changedLines shows where two texts differ, some lines of it.
func changedLines(old, new string) string {
	a, b := strings.Split(old, "\n"), strings.Split(new, "\n")
	from := 0
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	for len(a) > from && len(b) > from && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var text strings.Builder
	for _, side := range []struct {
		mark  string
		lines []string
	}{{"-", a[from:]}, {"+", b[from:]}} {
		for _, line := range side.lines[:min(len(side.lines), 10)] {
			fmt.Fprintf(&text, "%d %s %s\n", from+1, side.mark, line)
		}
	}
	return text.String()
}

// opsMarkdown is the reference of ops as a page.
func opsMarkdown() string {
	var b strings.Builder
	b.WriteString(`# Operations

Generated from the ops' own files in ` + "`ir/ops`" + `. ` + "`flowrun ops NAME`" + ` shows the same in a terminal, and
understands what PyTorch, NumPy, TensorFlow and JAX call an operation. Layers, losses, optimizers and schedules are
modules: ` + "`flowrun modules`" + ` and [language.md](language.md#the-standard-library).

Where operands are broadcast against each other, shapes are aligned at their last dims, which are equal or 1. A number
takes the dtype of the tensors beside it. Dtypes meet as in PyTorch: floats before integers before bools, and the wider
of two; f16 and bf16 meet in f32. Kernels compute f16 and bf16 in f32 and round once. Metal has no f64. Unless a
text says otherwise, an operation behaves as PyTorch's does.

`)
	ops := documentedOps()
	for _, family := range ir.Families {
		var links []string
		for _, op := range ops {
			if op.Family == family {
				links = append(links, fmt.Sprintf("[%s](#%s)", op.Name, op.Name))
			}
		}
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", family, strings.ReplaceAll(string(family), " ", "-"), strings.Join(links, ", "))
	}
	for i, op := range ops {
		if i == 0 || op.Family != ops[i-1].Family {
			fmt.Fprintf(&b, "\n## %s\n", strings.ToUpper(string(op.Family[:1]))+string(op.Family[1:]))
		}
		opMarkdown(&b, op)
	}
	return b.String()
}

func opMarkdown(b *strings.Builder, op *ir.Op) {
	fmt.Fprintf(b, "\n### %s\n\n`%s`\n\n%s\n\n", op.Name, op.Signature(), escaped(op.Doc))
	for _, p := range op.Params {
		if !p.Hidden {
			fmt.Fprintf(b, "- `%s`, %s: %s\n", p.Name, p.Kind, escaped(p.Doc))
		}
	}
	b.WriteString("\n| | |\n|---|---|\n")
	for _, fact := range factsOf(op) {
		fmt.Fprintf(b, "| %s | %s |\n", fact.what, escaped(strings.ReplaceAll(fact.text, "|", "\\|")))
	}
	fmt.Fprintf(b, "\n```%s\n```\n", op.Example)
}

// escaped keeps Markdown from reading stars and underscores as marks.
func escaped(text string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", `\<`).Replace(text)
}
