package kernels_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/device"
	"github.com/flowrun/flowrun/kernels"
)

// smallGroups is PoCL's limit of a group's work-items, which scripts/test sets in a stage
// of its own.
const smallGroups = "POCL_MAX_WORK_GROUP_SIZE"

// itemsAlone stand for all kernels whose work-items have nothing to do with each other,
// to which it is all one how large a group is: of one operand, of two, of many.
var itemsAlone = []string{"neg", "sub", "concat"}

// matters says whether a kernel is to be tried on a device: in small groups of OpenCL
// only if it could notice.
func matters(t testing.TB, d device.Device, k *kernels.Kernel) bool {
	if !k.In(d.Info().Language) {
		return false
	}
	return os.Getenv(smallGroups) == "" || d.Info().Language != "opencl" || slices.Contains(itemsAlone, k.Name) || worksInGroups(t, k)
}

// inGroups are what a source in OpenCL must say for its work-items to do something
// together, or to know their group.
var inGroups = regexp.MustCompile(`\b(barrier|local|__local|get_local_id|get_local_size|get_group_id|get_num_groups|GROUP|TEAM_FOLD)\b`)

// worksInGroups says whether a kernel's own source in OpenCL, or its launch, depends on
// groups.
func worksInGroups(t testing.TB, k *kernels.Kernel) bool {
	t.Helper()
	k = k.For("opencl")
	source, err := sourcesToTry(t).Source("opencl", k)
	require.NoError(t, err)
	for _, f := range source.Files {
		if !strings.HasSuffix(f.Name, ".h") && inGroups.MatchString(comments.ReplaceAllString(f.Text, "")) {
			return true
		}
	}
	return slices.ContainsFunc(append(slices.Clone(k.Sizes), k.Grid.Items...), func(s kernels.Scalar) bool {
		return strings.Contains(s.Expr, "group")
	})
}

// Known by their sources: what goes along lines, and matmul.
func TestKernelsThatWorkInGroupsAreTriedInSmallOnes(t *testing.T) {
	for name, want := range map[string]bool{"all": true, "argmax": true, "argsort": true, "cumsum": true, "layer_norm": true, "log_softmax": true, "logsumexp": true,
		"matmul": true, "min": true, "rms_norm": true, "softmax": true, "sum": true, "sum_int": true,
		"neg": false, "add": false, "where": false, "cast": false, "concat": false, "gather": false, "permute": false, "normal": false} {
		require.Equal(t, want, worksInGroups(t, kernel(t, name)), name)
	}
}
