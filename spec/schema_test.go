package spec_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/spec"
)

func TestAnEditorFindsNothingInValidSpecsAndTheStructuralFaultsOfOthers(t *testing.T) {
	server := startLanguageServer(t, spec.Schema())
	for _, file := range specFiles(t, "../graphs/*.yaml", invalid+"/*.yaml") {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		name := filepath.Base(file)
		got := server.complaints(name, string(src))
		t.Log(name)
		for _, c := range got {
			t.Logf("   %d: %s", c.line(), c.Message)
		}
		for _, m := range expectation.FindAllStringSubmatch(string(src), -1) {
			t.Logf("   want %s", m[0])
		}
	}
}

func specFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		require.NoError(t, err)
		all = append(all, files...)
	}
	require.NotEmpty(t, all)
	return all
}

func TestTheSchemaIsTheSameEveryTime(t *testing.T) {
	require.Equal(t, string(spec.Schema()), string(spec.Schema()))
	var schema struct {
		Schema string `json:"$schema"`
	}
	require.NoError(t, json.Unmarshal(spec.Schema(), &schema))
	require.Equal(t, "https://json-schema.org/draft/2020-12/schema", schema.Schema)
	require.True(t, strings.HasSuffix(string(spec.Schema()), "}\n"))
}
