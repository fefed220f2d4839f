package tabletest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/goldentest"
)

// Case is a small example for a kind of file: a declaration, and the contents of files.
type Case = struct {
	Name, Declared string
	Contents       []string
}

// Page compares what cases give with a golden file.
func Page(t testing.TB, kind table.Kind, file string, cases []Case) {
	t.Helper()
	var page strings.Builder
	fmt.Fprintf(&page, "What small files of kind %s give. Written by the test of the cases.\n", kind.Name)
	for _, c := range cases {
		fmt.Fprintf(&page, "\n%s\n", c.Name)
		for line := range strings.SplitSeq(c.Declared, "\n") {
			fmt.Fprintf(&page, "  | %s\n", line)
		}
		for _, content := range c.Contents {
			if len(content) > 200 {
				content = content[:50] + fmt.Sprintf("… (%d bytes)", len(content))
			}
			fmt.Fprintf(&page, "  %q\n", content)
		}
		page.WriteString(Outcome(t, kind, c.Declared, c.Contents...))
	}
	goldentest.Equal(t, file, page.String())
}

// Outcome describes what files give that a kind reads: problems of the declaration, notes,
// faults or values. A table with faults must not be made, and without a list of faults the
// first must end reading.
func Outcome(t testing.TB, kind table.Kind, declared string, contents ...string) string {
	t.Helper()
	d := Decl(t, kind.Name, declared)
	if problems := kind.Check(d); problems != nil {
		var all []string
		for _, p := range problems {
			all = append(all, "  refused: "+p.Message+" ("+p.Help+")\n")
		}
		return strings.Join(all, "")
	}
	paths := Written(t, kind.Name, contents...)
	in := Input(d, paths...)
	var out strings.Builder
	here := func(s string) string { return strings.ReplaceAll(s, filepath.Dir(paths[0])+"/", "") }
	first := ""
	in.Fault = func(f *table.Fault) error {
		if first == "" {
			first = f.Error()
		}
		fmt.Fprintf(&out, "  %s\n", here(f.Error()))
		return nil
	}
	in.Note = func(note string) { fmt.Fprintf(&out, "  note: %s\n", here(note)) }
	opened, err := kind.Open(context.Background(), in)
	if first != "" {
		require.ErrorIs(t, err, table.ErrFaults, "a table with faults must not be kept")
		_, err := kind.Open(context.Background(), Input(Decl(t, kind.Name, declared), paths...))
		require.EqualError(t, err, first, "without a list of faults the first ends reading")
		require.True(t, errors.As(err, new(*table.Fault)))
		return out.String()
	}
	if err != nil {
		return out.String() + "  " + here(err.Error()) + "\n"
	}
	for i, f := range d.Fields {
		fmt.Fprintf(&out, "  %s = ", f.Name)
		if texts := opened.Column(i).Texts; f.Classes != nil {
			fmt.Fprintf(&out, "%q of %q\n", Texts(t, opened, i), texts)
		} else if f.Type.DType.IsInt() {
			all := Column(t, opened, i)
			for k := range all.Type.Shape.Numel() {
				fmt.Fprintf(&out, "%d ", all.Int(k))
			}
			out.WriteString("\n")
		} else {
			fmt.Fprintf(&out, "%v\n", Floats(t, opened, i))
		}
	}
	return out.String()
}
