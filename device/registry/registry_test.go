package registry

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/kernels"
	"github.com/flowrun/flowrun/spec/syntax"
)

func TestSpecsMayNameTheKindsOfTheTable(t *testing.T) {
	require.Equal(t, Kinds(), syntax.DeviceKinds, "spec can't import the registry: add the kind there too")
}

func TestEveryDriverFolderIsInTheTable(t *testing.T) {
	entries, err := os.ReadDir("..")
	require.NoError(t, err)
	var folders []string
	for _, e := range entries {
		if e.IsDir() && !slices.Contains([]string{"internal", "registry", "trial"}, e.Name()) {
			folders = append(folders, e.Name())
		}
	}
	require.ElementsMatch(t, Kinds(), folders)
}

func TestDevicesMatchTheirRow(t *testing.T) {
	seen := map[string]bool{}
	for _, info := range Devices(false) {
		seen[info.Kind] = true
		if info.Missing != "" {
			require.Equal(t, info.Kind, info.Name)
			continue
		}
		require.NotEmpty(t, info.Description, info.Name)
		require.Contains(t, append(kernels.Languages, ""), info.Language, info.Name)
		d, err := Open(info.Name, Options{})
		require.NoError(t, err)
		got := d.Info()
		require.Equal(t, info.Name, got.Name)
		require.Equal(t, info.Kind, got.Kind)
		require.Equal(t, info.Auto, got.Auto, info.Name)
		require.Equal(t, info.Speed, got.Speed, info.Name)
		require.NoError(t, d.Close())
	}
	require.Len(t, seen, len(drivers))
}

func TestALanguageHasAFolderAndADriver(t *testing.T) {
	for _, language := range kernels.Languages {
		require.DirExists(t, filepath.Join("../../kernels", language))
		require.Contains(t, Kinds(), language, "so far each language has a driver of its name")
	}
}

func TestUnknownDeviceNamesAreRejected(t *testing.T) {
	for name, want := range map[string]string{
		"opencl:01": `there is no device "opencl:01": the colon must be followed by a number, as in opencl:0`,
		"sim:":      `there is no device "sim:": the colon must be followed by a number`,
		"sim:1000":  `there is no device "sim:1000": the colon must be followed by a number`,
		"sim:-1":    `there is no device "sim:-1": the colon must be followed by a number`,
		"cpu:1":     "there is no device cpu:1: the CPU is one device, cpu",
		"tpu":       `there is no device "tpu": the kinds of devices are cpu, sim, cuda, metal and opencl`,
	} {
		_, err := Open(name, Options{})
		require.ErrorContains(t, err, want)
	}
}
