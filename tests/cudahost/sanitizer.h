/* CUDAHOST_ASAN where AddressSanitizer is on, for gcc and clang. */
#ifndef CUDAHOST_SANITIZER_H
#define CUDAHOST_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define CUDAHOST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUDAHOST_ASAN 1
#endif
#endif

#endif
