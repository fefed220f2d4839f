package metal

import "strings"

// function is a C function of Objective-C's runtime, or of Metal. Those below are
// all that are called.
type function int

const (
	objcMsgSend function = iota
	objcMsgSendStret
	objcGetClass
	selRegisterName
	objcAutoreleasePoolPush
	objcAutoreleasePoolPop
	mtlCreateSystemDefaultDevice
	mtlCopyAllDevices
	functions
)

var functionNames = [functions]string{
	objcMsgSend:                  "objc_msgSend",
	objcMsgSendStret:             "objc_msgSend_stret",
	objcGetClass:                 "objc_getClass",
	selRegisterName:              "sel_registerName",
	objcAutoreleasePoolPush:      "objc_autoreleasePoolPush",
	objcAutoreleasePoolPop:       "objc_autoreleasePoolPop",
	mtlCreateSystemDefaultDevice: "MTLCreateSystemDefaultDevice",
	mtlCopyAllDevices:            "MTLCopyAllDevices",
}

// ofMetal tells Metal's functions from those of Objective-C's runtime.
func (f function) ofMetal() bool { return f >= mtlCreateSystemDefaultDevice }

// class is a class that objects are made of by its name; all others come from
// messages.
type class int

const (
	nsString class = iota
	mtlCompileOptions
	classes
)

// message is a message that is sent: its selector. Beside each stands its type,
// as Apple's documentation has it, without the words for the arguments; NSUInteger
// is a word, and so is an object.
type message int

const (
	alloc message = iota
	initialize
	retain
	release
	respondsToSelector // (SEL) → BOOL

	initWithBytes // (const void *, NSUInteger, NSStringEncoding) → NSString
	utf8String    // → const char *, which lives as long as the pool
	count
	objectAtIndex // (NSUInteger) → id, not retained
	code          // → NSInteger
	localizedDescription

	name       // → NSString
	registryID // → uint64_t
	hasUnifiedMemory
	recommendedMaxWorkingSetSize
	maxBufferLength
	maxThreadsPerThreadgroup // → MTLSize
	maxThreadgroupMemoryLength
	supportsFamily   // (MTLGPUFamily) → BOOL
	newCommandQueue  // (NSUInteger) → id<MTLCommandQueue>
	newBuffer        // (NSUInteger, MTLResourceOptions) → id<MTLBuffer>
	newLibrary       // (NSString, MTLCompileOptions, NSError **) → id<MTLLibrary>
	newPipelineState // (id<MTLFunction>, NSError **) → id<MTLComputePipelineState>

	setLanguageVersion            // (MTLLanguageVersion)
	setMathMode                   // (MTLMathMode), since macOS 15
	setMathFloatingPointFunctions // (MTLMathFloatingPointFunctions), since macOS 15
	setFastMathEnabled            // (BOOL), before

	newFunction // (NSString) → id<MTLFunction>
	maxTotalThreadsPerThreadgroup
	threadExecutionWidth
	staticThreadgroupMemoryLength
	contents // → void *

	commandBuffer         // → id<MTLCommandBuffer>, autoreleased
	computeCommandEncoder // → id<MTLComputeCommandEncoder>, autoreleased
	commit
	waitUntilCompleted
	status  // → MTLCommandBufferStatus
	failure // → NSError

	setComputePipelineState // (id<MTLComputePipelineState>)
	setBuffer               // (id<MTLBuffer>, NSUInteger, NSUInteger)
	setBuffers              // (const id<MTLBuffer> [], const NSUInteger [], NSRange)
	setBytes                // (const void *, NSUInteger, NSUInteger)
	dispatchThreadgroups    // (MTLSize, MTLSize)
	endEncoding
	messages
)

var selectorNames = [messages]string{
	alloc:              "alloc",
	initialize:         "init",
	retain:             "retain",
	release:            "release",
	respondsToSelector: "respondsToSelector:",

	initWithBytes:        "initWithBytes:length:encoding:",
	utf8String:           "UTF8String",
	count:                "count",
	objectAtIndex:        "objectAtIndex:",
	code:                 "code",
	localizedDescription: "localizedDescription",

	name:                         "name",
	registryID:                   "registryID",
	hasUnifiedMemory:             "hasUnifiedMemory",
	recommendedMaxWorkingSetSize: "recommendedMaxWorkingSetSize",
	maxBufferLength:              "maxBufferLength",
	maxThreadsPerThreadgroup:     "maxThreadsPerThreadgroup",
	maxThreadgroupMemoryLength:   "maxThreadgroupMemoryLength",
	supportsFamily:               "supportsFamily:",
	newCommandQueue:              "newCommandQueueWithMaxCommandBufferCount:",
	newBuffer:                    "newBufferWithLength:options:",
	newLibrary:                   "newLibraryWithSource:options:error:",
	newPipelineState:             "newComputePipelineStateWithFunction:error:",

	setLanguageVersion:            "setLanguageVersion:",
	setMathMode:                   "setMathMode:",
	setMathFloatingPointFunctions: "setMathFloatingPointFunctions:",
	setFastMathEnabled:            "setFastMathEnabled:",

	newFunction:                   "newFunctionWithName:",
	maxTotalThreadsPerThreadgroup: "maxTotalThreadsPerThreadgroup",
	threadExecutionWidth:          "threadExecutionWidth",
	staticThreadgroupMemoryLength: "staticThreadgroupMemoryLength",
	contents:                      "contents",

	commandBuffer:         "commandBuffer",
	computeCommandEncoder: "computeCommandEncoder",
	commit:                "commit",
	waitUntilCompleted:    "waitUntilCompleted",
	status:                "status",
	failure:               "error",

	setComputePipelineState: "setComputePipelineState:",
	setBuffer:               "setBuffer:offset:atIndex:",
	setBuffers:              "setBuffers:offsets:withRange:",
	setBytes:                "setBytes:length:atIndex:",
	dispatchThreadgroups:    "dispatchThreadgroups:threadsPerThreadgroup:",
	endEncoding:             "endEncoding",
}

// String is the message's selector, as messages for people have it: without a colon
// at its end.
func (m message) String() string { return strings.TrimSuffix(selectorNames[m], ":") }

// The API's constants, as far as they are used.
const (
	utf8Encoding      = 4 // NSUTF8StringEncoding
	storageModeShared = 0 // MTLResourceStorageModeShared, and all else by default: hazards are tracked
	languageVersion3  = 3 << 16
	mathModeSafe      = 0
	functionsPrecise  = 1 // MTLMathFloatingPointFunctionsPrecise
	statusCompleted   = 4
	statusError       = 5
	familyApple1      = 1001 // MTLGPUFamilyApple1, and those after it
	familyApple7      = 1007 // the M1's: the first with simdgroup_matrix on a Mac
	familyAppleLast   = 1020 // later than any there is; a device doesn't support what it doesn't know
	maxBuffers        = 31   // that a kernel may have
	maxInline         = 4096 // bytes that setBytes takes
	largestElement    = 16   // bytes that a kernel reads at once
	offsetAlignment   = 16   // of a buffer in the device address space, for elements of any size
	constantAlignment = 256  // of a buffer in the constant address space: 32 on Intel's Macs, and 4 on Apple silicon
	simdWidth         = 32   // what kernels are written for
)
