package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// function is a function of the C APIs of the driver and of NVRTC.
type function int

// Names end in _v2 where the headers define the plain name that way.
var functions dynlib.Names[function]

var (
	cuInit                    = functions.Add("cuInit")
	cuGetErrorName            = functions.Add("cuGetErrorName")
	cuGetErrorString          = functions.Add("cuGetErrorString")
	cuDriverGetVersion        = functions.Add("cuDriverGetVersion")
	cuDeviceGetCount          = functions.Add("cuDeviceGetCount")
	cuDeviceGet               = functions.Add("cuDeviceGet")
	cuDeviceGetName           = functions.Add("cuDeviceGetName")
	cuDeviceGetAttribute      = functions.Add("cuDeviceGetAttribute")
	cuDeviceTotalMem          = functions.Add("cuDeviceTotalMem_v2")
	cuDevicePrimaryCtxRetain  = functions.Add("cuDevicePrimaryCtxRetain")
	cuDevicePrimaryCtxRelease = functions.Add("cuDevicePrimaryCtxRelease_v2")
	cuCtxSetCurrent           = functions.Add("cuCtxSetCurrent")
	cuStreamCreate            = functions.Add("cuStreamCreate")
	cuStreamSynchronize       = functions.Add("cuStreamSynchronize")
	cuStreamWaitEvent         = functions.Add("cuStreamWaitEvent")
	cuStreamDestroy           = functions.Add("cuStreamDestroy_v2")
	cuEventCreate             = functions.Add("cuEventCreate")
	cuEventRecord             = functions.Add("cuEventRecord")
	cuEventDestroy            = functions.Add("cuEventDestroy_v2")
	cuDeviceGetDefaultMemPool = functions.Add("cuDeviceGetDefaultMemPool")
	cuMemPoolSetAttribute     = functions.Add("cuMemPoolSetAttribute")
	cuMemAllocAsync           = functions.Add("cuMemAllocAsync")
	cuMemFreeAsync            = functions.Add("cuMemFreeAsync")
	cuMemAlloc                = functions.Add("cuMemAlloc_v2")
	cuMemFree                 = functions.Add("cuMemFree_v2")
	cuMemGetInfo              = functions.Add("cuMemGetInfo_v2")
	cuMemHostAlloc            = functions.Add("cuMemHostAlloc")
	cuMemFreeHost             = functions.Add("cuMemFreeHost")
	cuMemcpyHtoDAsync         = functions.Add("cuMemcpyHtoDAsync_v2")
	cuMemcpyDtoHAsync         = functions.Add("cuMemcpyDtoHAsync_v2")
	cuMemcpyDtoDAsync         = functions.Add("cuMemcpyDtoDAsync_v2")
	cuMemcpyPeerAsync         = functions.Add("cuMemcpyPeerAsync")
	cuModuleLoadDataEx        = functions.Add("cuModuleLoadDataEx")
	cuModuleGetFunction       = functions.Add("cuModuleGetFunction")
	cuModuleUnload            = functions.Add("cuModuleUnload")
	cuFuncGetAttribute        = functions.Add("cuFuncGetAttribute")
	cuFuncGetParamInfo        = functions.Add("cuFuncGetParamInfo")
	cuLaunchKernel            = functions.Add("cuLaunchKernel")
	cuGraphCreate             = functions.Add("cuGraphCreate")
	cuGraphAddKernelNode      = functions.Add("cuGraphAddKernelNode_v2")
	cuGraphAddMemcpyNode      = functions.Add("cuGraphAddMemcpyNode")
	cuGraphDestroy            = functions.Add("cuGraphDestroy")
	cuGraphInstantiate        = functions.Add("cuGraphInstantiateWithFlags")
	cuGraphExecUpdate         = functions.Add("cuGraphExecUpdate_v2")
	cuGraphLaunch             = functions.Add("cuGraphLaunch")
	cuGraphExecDestroy        = functions.Add("cuGraphExecDestroy")

	nvrtcVersion              = functions.Add("nvrtcVersion")
	nvrtcGetNumSupportedArchs = functions.Add("nvrtcGetNumSupportedArchs")
	nvrtcGetSupportedArchs    = functions.Add("nvrtcGetSupportedArchs")
	nvrtcCreateProgram        = functions.Add("nvrtcCreateProgram")
	nvrtcCompileProgram       = functions.Add("nvrtcCompileProgram")
	nvrtcGetProgramLogSize    = functions.Add("nvrtcGetProgramLogSize")
	nvrtcGetProgramLog        = functions.Add("nvrtcGetProgramLog")
	nvrtcGetPTXSize           = functions.Add("nvrtcGetPTXSize")
	nvrtcGetPTX               = functions.Add("nvrtcGetPTX")
	nvrtcGetCUBINSize         = functions.Add("nvrtcGetCUBINSize")
	nvrtcGetCUBIN             = functions.Add("nvrtcGetCUBIN")
	nvrtcDestroyProgram       = functions.Add("nvrtcDestroyProgram")
)

// String returns the function's name in C.
func (f function) String() string { return functions[f] }

// ofCompiler reports whether a function is NVRTC's.
func (f function) ofCompiler() bool { return f >= nvrtcVersion }

// optional are functions that a driver may lack.
var optional = map[function]bool{cuFuncGetParamInfo: true} // since CUDA 12.4

// formerNames are the names in drivers before CUDA 12. They take the same arguments: see
// capture.go.
var formerNames = map[function]string{cuGraphAddKernelNode: "cuGraphAddKernelNode", cuGraphExecUpdate: "cuGraphExecUpdate"}

// releasedBy maps functions that create a handle to the function that releases it.
var releasedBy = map[function]function{
	cuDevicePrimaryCtxRetain: cuDevicePrimaryCtxRelease,
	cuStreamCreate:           cuStreamDestroy,
	cuEventCreate:            cuEventDestroy,
	cuMemAllocAsync:          cuMemFreeAsync,
	cuMemAlloc:               cuMemFree,
	cuMemHostAlloc:           cuMemFreeHost,
	cuModuleLoadDataEx:       cuModuleUnload,
	cuGraphCreate:            cuGraphDestroy,
	cuGraphInstantiate:       cuGraphExecDestroy,
	nvrtcCreateProgram:       nvrtcDestroyProgram,
}

// Constants of the APIs.
const (
	deviceMaxBlock        = 1  // CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK
	deviceMaxGridX        = 5  // and Y and Z, which follow
	deviceClock           = 13 // CU_DEVICE_ATTRIBUTE_CLOCK_RATE, in kHz
	deviceProcessors      = 16 // CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
	deviceIntegrated      = 18
	deviceMemoryClock     = 36 // in kHz
	deviceMemoryBus       = 37 // in bits
	deviceComputeMode     = 20
	deviceCapabilityMajor = 75
	deviceCapabilityMinor = 76
	deviceMemoryPools     = 115 // CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED
	computeModeProhibited = 2
	streamNonBlocking     = 1
	eventDisableTiming    = 2
	poolReleaseThreshold  = 4 // CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
	functionMaxBlock      = 0 // CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK
	jitErrorLogBuffer     = 5
	jitErrorLogBufferSize = 6
	memoryTypeDevice      = 2
)

// handle is one of the APIs' objects, or an address in a device's memory.
type handle uintptr

// library is the opened driver and, if available, NVRTC.
type library struct {
	name     string // path or name of the driver that was opened
	compiler string // the same for NVRTC; "" if there is none
	missing  string // why there is no NVRTC
	address  []uintptr

	live  []atomic.Int64       // unreleased handles, by the function that releases them
	fault func(function) int32 // for tests: a code other than 0 is returned instead of calling
}

// has reports whether a function is available.
func (l *library) has(f function) bool { return l.address[f] != 0 }

// call calls a function. Pointers among the arguments must be converted in the call
// expression itself, which pins what they point to.
//
//go:uintptrescapes
func (l *library) call(f function, args ...uintptr) error {
	if l.fault != nil {
		if code := l.fault(f); code != 0 {
			return l.failure(f, code)
		}
	}
	if code := int32(dynlib.Call(l.address[f], args...)); code != 0 {
		return l.failure(f, code)
	}
	return nil
}

// create calls a function that returns a new handle through its first parameter, which is
// added here.
//
//go:uintptrescapes
func (l *library) create(f function, args ...uintptr) (handle, error) {
	h := new(handle)
	var pin runtime.Pinner
	pin.Pin(h)
	defer pin.Unpin()
	if err := l.call(f, append([]uintptr{uintptr(unsafe.Pointer(h))}, args...)...); err != nil {
		return 0, err
	}
	l.live[releasedBy[f]].Add(1)
	return *h, nil
}

// release releases a handle, if there is one. The handle is invalid afterwards, even if
// the call fails.
func (l *library) release(f function, h *handle, more ...uintptr) error {
	if *h == 0 {
		return nil
	}
	l.live[f].Add(-1)
	gone := *h
	*h = 0
	return l.call(f, append([]uintptr{uintptr(gone)}, more...)...)
}

// number queries an int attribute of a device or a function.
func (l *library) number(f function, attribute int, of handle) (int, error) {
	var n int32
	err := l.call(f, uintptr(unsafe.Pointer(&n)), uintptr(attribute), uintptr(of))
	return int(n), err
}

// Error codes that the package handles.
const (
	errorInvalidValue       = 1
	errorOutOfMemory        = 2
	errorNoDevice           = 100
	errorGraphUpdateFailure = 910
)

// losing are the codes after which the process can no longer use the device.
var losing = []int32{
	214, // CUDA_ERROR_ECC_UNCORRECTABLE
	220, // CUDA_ERROR_NVLINK_UNCORRECTABLE
	700, // CUDA_ERROR_ILLEGAL_ADDRESS
	702, // CUDA_ERROR_LAUNCH_TIMEOUT
	709, // CUDA_ERROR_CONTEXT_IS_DESTROYED
	710, // CUDA_ERROR_ASSERT
	714, // CUDA_ERROR_HARDWARE_STACK_ERROR
	715, // CUDA_ERROR_ILLEGAL_INSTRUCTION
	716, // CUDA_ERROR_MISALIGNED_ADDRESS
	717, // CUDA_ERROR_INVALID_ADDRESS_SPACE
	718, // CUDA_ERROR_INVALID_PC
	719, // CUDA_ERROR_LAUNCH_FAILED
	721, // CUDA_ERROR_CONTAINED
}

// compilerErrors are NVRTC's codes.
var compilerErrors = map[int32]string{
	1:  "NVRTC_ERROR_OUT_OF_MEMORY",
	2:  "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
	3:  "NVRTC_ERROR_INVALID_INPUT",
	4:  "NVRTC_ERROR_INVALID_PROGRAM",
	5:  "NVRTC_ERROR_INVALID_OPTION",
	6:  "NVRTC_ERROR_COMPILATION",
	7:  "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE",
	8:  "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION",
	9:  "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION",
	10: "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID",
	11: "NVRTC_ERROR_INTERNAL_ERROR",
	12: "NVRTC_ERROR_TIME_FILE_WRITE_FAILED",
}

// Error is a failed call.
type Error struct {
	Function string // "cuLaunchKernel"
	Code     int32
	Name     string // "CUDA_ERROR_INVALID_VALUE"; "" if neither library has one
	Text     string // "invalid argument"; may be empty
}

// Error returns the names of the function and of the code.
func (e *Error) Error() string {
	name := e.Name
	if name == "" {
		name = "an error without a name"
	}
	text := fmt.Sprintf("%s: %s (%d)", e.Function, name, e.Code)
	if e.Text != "" {
		text += ": " + e.Text
	}
	return text
}

// failure returns the error for a call.
func (l *library) failure(f function, code int32) *Error {
	e := &Error{Function: f.String(), Code: code}
	if f.ofCompiler() {
		e.Name = compilerErrors[code]
		return e
	}
	e.Name, e.Text = l.text(cuGetErrorName, code), l.text(cuGetErrorString, code)
	return e
}

// text asks the driver for the name or the description of a code.
func (l *library) text(f function, code int32) string {
	var at unsafe.Pointer
	if dynlib.Call(l.address[f], uintptr(code), uintptr(unsafe.Pointer(&at))) != 0 {
		return ""
	}
	return dynlib.Text(at)
}

// is reports whether err is a failed driver call with one of these codes.
func is(err error, codes ...int32) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Function[:2] == "cu" && slices.Contains(codes, e.Code)
}
