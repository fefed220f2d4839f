package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModulesListsTheLibraryByGroups(t *testing.T) {
	code, out, _ := flowrunWith(t, "modules")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "Layers\n")
	require.Regexp(t, `\n  Linear +y = x weightᵀ \+ bias, like torch.nn.Linear\n`, out)
	require.Regexp(t, `\n  AdamW +`, out)
	require.Regexp(t, `\n  BatchNorm +Batch normalization`, out)
}

func TestModulesWithANameShowsItsYAML(t *testing.T) {
	code, out, _ := flowrunWith(t, "modules", "Linear")
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "# Linear(x, out_features, bias=true)\nmodules:\n  Linear:\n    doc: ")
	require.Contains(t, out, "\n    output: out\n")
	require.NotContains(t, out, "Embedding")
	code, out, _ = flowrunWith(t, "modules", "Adam", "--json")
	require.Equal(t, exitDone, code)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Len(t, list, 1)
	require.Equal(t, "Adam(lr, betas=[0.9, 0.999], eps=1e-8, weight_decay=0, amsgrad=false, maximize=false)", list[0]["signature"])
}

func TestModulesSuggestsAnExistingName(t *testing.T) {
	code, _, errors := flowrunWith(t, "modules", "LayerNom")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, `"LayerNom"; did you mean`)
	code, _, errors = flowrunWith(t, "modules", "a", "b")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errors, "takes one module")
}
