package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/internal/goldentest"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

func TestOpsPageIsUpToDate(t *testing.T) {
	if racetest.Enabled {
		t.Skip("tries every op in every dtype, in one goroutine")
	}
	goldentest.Equal(t, "../../docs/ops.md", opsMarkdown())
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
of two; f16 and bf16 meet in f32. Kernels compute f16 and bf16 in f32 and round once. u8 holds images, labels and ids:
it can be moved, compared, summed, cast and used as an index, but arithmetic of two u8 is refused, where PyTorch's wraps
around at 256. Metal has no f64. Unless a text says otherwise, an operation behaves as PyTorch's does.

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
