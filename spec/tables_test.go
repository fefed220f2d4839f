package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/foreign"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec/syntax"
)

// written checks what a table says to write, x and y being matrices.
func written(t *testing.T, name, advice string) {
	t.Helper()
	text, _, _ := strings.Cut(strings.TrimPrefix(advice, "write "), "; ")
	src := fmt.Sprintf(`flowrun: 1
model:
  inputs: {x: "f32[16, 16]", y: "f32[16, 16]", mask: "bool[16, 16]", target: "i64[16]"}
  nodes:
    out: %q
  outputs: [out]
`, text)
	p, list := Parse("s.yaml", []byte(src), Options{})
	if p == nil {
		t.Errorf("%s: %s\n%s", name, advice, list.Text())
	}
}

func TestForeignNamesMapToExistingNamesAndAcceptedTexts(t *testing.T) {
	lib := syntax.Standard()
	for name, here := range foreign.Functions() {
		switch {
		case strings.HasPrefix(here, "write "):
			written(t, name, here)
		case !foreign.IsAdvice(here):
			if lib.Signature(here) == nil {
				t.Errorf("%s stands for %s, which isn't there", name, here)
			}
		}
		if name != here {
			if lib.Signature(name) != nil {
				t.Errorf("%s exists: nothing stands for it", name)
			}
		}
	}
	arguments := map[string]bool{}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(lib.Modules)), slices.Collect(maps.Keys(ir.Ops()))) {
		if s := lib.Signature(name); s != nil {
			for _, a := range s.Names() {
				arguments[a] = true
			}
		}
	}
	for _, m := range lib.Optimizers {
		for _, a := range syntax.SignatureOf(m).Names() {
			arguments[a] = true
		}
	}
	for name, here := range foreign.Arguments {
		assert.True(t, foreign.IsAdvice(here) || arguments[here], "%s stands for %s, which no call takes", name, here)
	}
	for name, here := range foreign.DTypes {
		assert.True(t, foreign.IsAdvice(here) || slices.Contains(ir.DTypeNames(), here), "%s: %s", name, here)
	}
	keys := map[string]bool{}
	for _, s := range append(formSections(), syntax.RootSection, syntax.LibrarySection) {
		for _, k := range s.Keys {
			keys[k.Name] = true
		}
	}
	for name, all := range foreign.Keys {
		for _, here := range all {
			assert.True(t, keys[here], "%s stands for the key %s, which no section has", name, here)
		}
	}
	for name := range foreign.Sized {
		require.NotNil(t, lib.Signature(name), name)
	}
	for name := range foreign.Given {
		require.NotNil(t, lib.Signature(name), name)
	}
	for path := range foreign.OtherDTypes {
		module, input, _ := strings.Cut(path, ".")
		require.NotNil(t, lib.Modules[module], path)
		require.True(t, slices.ContainsFunc(lib.Modules[module].Inputs, func(in *syntax.Input) bool { return in.Name == input }), path)
	}
	for word, here := range foreign.Words {
		if text, ok := strings.CutPrefix(here, "write "); ok && text != "nil" {
			written(t, word, "write x * cast("+text+", \"f32\") + x")
		}
	}
}

// formSections are the sections that a value may be.
func formSections() (all []*syntax.Section) {
	for _, f := range syntax.Forms {
		if f.Section != nil {
			all = append(all, f.Section)
		}
	}
	return append(all, syntax.IfSection)
}
