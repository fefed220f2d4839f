package ops_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/ir/irtest"
)

// languageOps are the ops that a spec can name and that have a value.
func languageOps() map[string]*ir.Op {
	all := ir.Ops()
	for _, op := range []*ir.Op{ir.StateOp, ir.ConstOp, ir.SourceOp, ir.CopyOp, ir.GradOp, ir.ScanOp, ir.ScanResultOp} {
		delete(all, op.Name)
	}
	return all
}

func TestEveryOpHasAReference(t *testing.T) {
	for name, op := range languageOps() {
		require.NotNil(t, op.Reference, name)
		require.NotNil(t, op.Infer, name)
	}
}

func TestEveryOpOfTheLanguageIsDocumented(t *testing.T) {
	aliases := map[string]string{}
	for name, op := range ir.Ops() {
		if op.Family == "" {
			continue
		}
		require.Contains(t, ir.Families, op.Family, name)
		require.Regexp(t, `^\S.*[.]$`, op.Summary(), "the summary of %s", name)
		for _, p := range op.Params {
			require.NotEmpty(t, p.Doc, "%s: the parameter %s", name, p.Name)
		}
		for _, alias := range strings.Fields(op.Aliases) {
			require.Nil(t, ir.LookupOp(alias), "%s, an alias of %s, is an op", alias, name)
			require.Empty(t, aliases[alias], "%s is an alias of %s too", alias, name)
			aliases[alias] = name
		}
	}
}

// cmd/flowrun runs the examples as programs.
func TestExamplesAreTrueByTheReference(t *testing.T) {
	for name, op := range languageOps() {
		if op.Family == "" || op.Random {
			continue
		}
		e, err := irtest.ParseExample(op)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(e.Call, name+"("), "the example of %s is %s", name, e.Call)
		inputs := map[string]*ir.Array{}
		for key, x := range e.Inputs {
			inputs[key] = x.Array()
		}
		p := compile(t, e.Call, inputs)
		require.Equal(t, e.Value, irtest.Format(p.value().Tensor()), name)
	}
}
