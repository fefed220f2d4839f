package cuda

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/flowrun/flowrun/device/internal/dynlib"
)

// function is a function of the C APIs of the driver and of NVRTC. Those below
// are all that are called.
type function int

// The C APIs, as far as they are called. Names end in _v2 where the headers say
// that the plain name means that.
const (
	cuInit function = iota
	cuGetErrorName
	cuGetErrorString
	cuDriverGetVersion
	cuDeviceGetCount
	cuDeviceGet
	cuDeviceGetName
	cuDeviceGetAttribute
	cuDeviceTotalMem
	cuDevicePrimaryCtxRetain
	cuDevicePrimaryCtxRelease
	cuCtxSetCurrent
	cuStreamCreate
	cuStreamSynchronize
	cuStreamWaitEvent
	cuStreamDestroy
	cuEventCreate
	cuEventRecord
	cuEventDestroy
	cuDeviceGetDefaultMemPool
	cuMemPoolSetAttribute
	cuMemAllocAsync
	cuMemFreeAsync
	cuMemAlloc
	cuMemFree
	cuMemGetInfo
	cuMemHostAlloc
	cuMemFreeHost
	cuMemcpyHtoDAsync
	cuMemcpyDtoHAsync
	cuMemcpyDtoDAsync
	cuMemcpyPeerAsync
	cuModuleLoadDataEx
	cuModuleGetFunction
	cuModuleUnload
	cuFuncGetAttribute
	cuFuncGetParamInfo
	cuLaunchKernel
	cuGraphCreate
	cuGraphAddKernelNode
	cuGraphAddMemcpyNode
	cuGraphDestroy
	cuGraphInstantiate
	cuGraphExecUpdate
	cuGraphLaunch
	cuGraphExecDestroy

	nvrtcVersion
	nvrtcGetNumSupportedArchs
	nvrtcGetSupportedArchs
	nvrtcCreateProgram
	nvrtcCompileProgram
	nvrtcGetProgramLogSize
	nvrtcGetProgramLog
	nvrtcGetPTXSize
	nvrtcGetPTX
	nvrtcGetCUBINSize
	nvrtcGetCUBIN
	nvrtcDestroyProgram
	functions
)

var functionNames = [functions]string{
	cuInit:                    "cuInit",
	cuGetErrorName:            "cuGetErrorName",
	cuGetErrorString:          "cuGetErrorString",
	cuDriverGetVersion:        "cuDriverGetVersion",
	cuDeviceGetCount:          "cuDeviceGetCount",
	cuDeviceGet:               "cuDeviceGet",
	cuDeviceGetName:           "cuDeviceGetName",
	cuDeviceGetAttribute:      "cuDeviceGetAttribute",
	cuDeviceTotalMem:          "cuDeviceTotalMem_v2",
	cuDevicePrimaryCtxRetain:  "cuDevicePrimaryCtxRetain",
	cuDevicePrimaryCtxRelease: "cuDevicePrimaryCtxRelease_v2",
	cuCtxSetCurrent:           "cuCtxSetCurrent",
	cuStreamCreate:            "cuStreamCreate",
	cuStreamSynchronize:       "cuStreamSynchronize",
	cuStreamWaitEvent:         "cuStreamWaitEvent",
	cuStreamDestroy:           "cuStreamDestroy_v2",
	cuEventCreate:             "cuEventCreate",
	cuEventRecord:             "cuEventRecord",
	cuEventDestroy:            "cuEventDestroy_v2",
	cuDeviceGetDefaultMemPool: "cuDeviceGetDefaultMemPool",
	cuMemPoolSetAttribute:     "cuMemPoolSetAttribute",
	cuMemAllocAsync:           "cuMemAllocAsync",
	cuMemFreeAsync:            "cuMemFreeAsync",
	cuMemAlloc:                "cuMemAlloc_v2",
	cuMemFree:                 "cuMemFree_v2",
	cuMemGetInfo:              "cuMemGetInfo_v2",
	cuMemHostAlloc:            "cuMemHostAlloc",
	cuMemFreeHost:             "cuMemFreeHost",
	cuMemcpyHtoDAsync:         "cuMemcpyHtoDAsync_v2",
	cuMemcpyDtoHAsync:         "cuMemcpyDtoHAsync_v2",
	cuMemcpyDtoDAsync:         "cuMemcpyDtoDAsync_v2",
	cuMemcpyPeerAsync:         "cuMemcpyPeerAsync",
	cuModuleLoadDataEx:        "cuModuleLoadDataEx",
	cuModuleGetFunction:       "cuModuleGetFunction",
	cuModuleUnload:            "cuModuleUnload",
	cuFuncGetAttribute:        "cuFuncGetAttribute",
	cuFuncGetParamInfo:        "cuFuncGetParamInfo",
	cuLaunchKernel:            "cuLaunchKernel",
	cuGraphCreate:             "cuGraphCreate",
	cuGraphAddKernelNode:      "cuGraphAddKernelNode_v2",
	cuGraphAddMemcpyNode:      "cuGraphAddMemcpyNode",
	cuGraphDestroy:            "cuGraphDestroy",
	cuGraphInstantiate:        "cuGraphInstantiateWithFlags",
	cuGraphExecUpdate:         "cuGraphExecUpdate_v2",
	cuGraphLaunch:             "cuGraphLaunch",
	cuGraphExecDestroy:        "cuGraphExecDestroy",

	nvrtcVersion:              "nvrtcVersion",
	nvrtcGetNumSupportedArchs: "nvrtcGetNumSupportedArchs",
	nvrtcGetSupportedArchs:    "nvrtcGetSupportedArchs",
	nvrtcCreateProgram:        "nvrtcCreateProgram",
	nvrtcCompileProgram:       "nvrtcCompileProgram",
	nvrtcGetProgramLogSize:    "nvrtcGetProgramLogSize",
	nvrtcGetProgramLog:        "nvrtcGetProgramLog",
	nvrtcGetPTXSize:           "nvrtcGetPTXSize",
	nvrtcGetPTX:               "nvrtcGetPTX",
	nvrtcGetCUBINSize:         "nvrtcGetCUBINSize",
	nvrtcGetCUBIN:             "nvrtcGetCUBIN",
	nvrtcDestroyProgram:       "nvrtcDestroyProgram",
}

// String is the function's name in C.
func (f function) String() string { return functionNames[f] }

// ofCompiler reports whether a function is NVRTC's.
func (f function) ofCompiler() bool { return f >= nvrtcVersion }

// optional are functions that a driver may lack: it is then done without what
// they are for.
var optional = map[function]bool{cuFuncGetParamInfo: true} // since CUDA 12.4

// formerNames are what drivers before CUDA 12 have instead. They are called with
// the same arguments: see graph.go.
var formerNames = map[function]string{cuGraphAddKernelNode: "cuGraphAddKernelNode", cuGraphExecUpdate: "cuGraphExecUpdate"}

// releasedBy tells what gives back the handle that a function creates.
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

// The APIs' constants, as far as they are used.
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

// library is the opened driver and, if there is one, NVRTC.
type library struct {
	name     string // of the driver, as it was found
	compiler string // of NVRTC, as it was found; "" if there is none
	missing  string // why there is no NVRTC
	address  [functions]uintptr

	live  [functions]atomic.Int64 // handles not released, by what releases them
	fault func(function) int32    // for tests: a code that isn't 0 is given instead of calling
}

// has reports whether a function is there.
func (l *library) has(f function) bool { return l.address[f] != 0 }

// call calls a function. Pointers among the arguments are converted in the call
// itself, which keeps what they point to where it is.
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

// create calls a function that gives a new handle through its first parameter,
// which is added here.
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

// release gives a handle back, and does nothing for none. The handle is gone
// even if the call fails.
func (l *library) release(f function, h *handle, more ...uintptr) error {
	if *h == 0 {
		return nil
	}
	l.live[f].Add(-1)
	gone := *h
	*h = 0
	return l.call(f, append([]uintptr{uintptr(gone)}, more...)...)
}

// number asks for an int: of a device, of a function.
func (l *library) number(f function, attribute int, of handle) (int, error) {
	var n int32
	err := l.call(f, uintptr(unsafe.Pointer(&n)), uintptr(attribute), uintptr(of))
	return int(n), err
}
