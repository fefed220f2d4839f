package ops_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

// languageOps are the ops that a spec can name and that have a value.
func languageOps() map[string]*ir.Op {
	all := ir.Ops()
	for _, op := range []*ir.Op{ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp, ir.GradOp} {
		delete(all, op.Name)
	}
	return all
}

func TestEveryOpIsDocumentedAndEvaluated(t *testing.T) {
	for name, op := range languageOps() {
		first, _, _ := strings.Cut(op.Doc, "\n")
		require.Regexp(t, `^`+name+`\([^)]*\): .*\.$`, first, "the first line of the doc of %s", name)
		for _, p := range op.Params {
			require.NotEmpty(t, p.Doc, "%s: the parameter %s", name, p.Name)
			if !p.Hidden {
				require.Regexp(t, `\b`+p.Name+`\b`, first, "the signature of %s", name)
			}
		}
		require.NotNil(t, op.Reference, name)
		require.NotNil(t, op.Infer, name)
	}
}

func TestDocumentedExamplesAreTrue(t *testing.T) {
	example := regexp.MustCompile(`\n\nExample: (.+) = (.+)$`)
	for name, op := range languageOps() {
		found := example.FindStringSubmatch(op.Doc)
		require.NotNil(t, found, "%s has no example", name)
		require.True(t, strings.HasPrefix(found[1], name+"("), "the example of %s shows %s", name, found[1])
		p := compile(t, found[1], nil)
		want := parseArray(t, found[2])
		require.Equal(t, want.Type.DType.IsFloat(), p.out.Type.DType.IsFloat(), name)
		require.Equal(t, want.Type.DType == ir.Bool, p.out.Type.DType == ir.Bool, name)
		// Examples show eight digits.
		requireClose(t, want, p.value(), 1e-7, found[1])
	}
}
