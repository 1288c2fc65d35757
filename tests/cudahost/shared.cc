/* Where the __shared__ variables are: each has an ELF section of its own (device.h), which this
 * looks up in the program's file. Kernels in shared libraries would not be found. */
#include <elf.h>
#include <link.h>

#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/cudahost/internal.h"

namespace cudahost {
namespace {

using Ranges = std::vector<std::pair<char *, size_t>>;

bool read_at(FILE *file, uint64_t offset, void *to, size_t bytes)
{
    return fseek(file, (long)offset, SEEK_SET) == 0 && fread(to, 1, bytes, file) == bytes;
}

/* The first object is the program. */
int take_base(struct dl_phdr_info *info, size_t, void *base)
{
    *(uintptr_t *)base = info->dlpi_addr;
    return 1;
}

bool read_sections(FILE *file, Ranges &ranges)
{
    ElfW(Ehdr) header;
    if (!read_at(file, 0, &header, sizeof header)) return false;
    std::vector<ElfW(Shdr)> sections(header.e_shnum);
    size_t bytes = sections.size() * sizeof(ElfW(Shdr));
    if (header.e_shstrndx >= sections.size() ||
        !read_at(file, header.e_shoff, sections.data(), bytes))
        return false;
    std::vector<char> names(sections[header.e_shstrndx].sh_size + 1);
    if (!read_at(file, sections[header.e_shstrndx].sh_offset, names.data(), names.size() - 1))
        return false;

    uintptr_t base = 0;
    dl_iterate_phdr(take_base, &base);
    for (const auto &section : sections)
        if (section.sh_name < names.size() &&
            strncmp(&names[section.sh_name], "cudahost_shared_", 16) == 0)
            ranges.push_back({(char *)(base + section.sh_addr), section.sh_size});
    return true;
}

Ranges find_ranges()
{
    Ranges ranges;
    FILE *file = fopen("/proc/self/exe", "rb");
    bool ok = file && read_sections(file, ranges);
    if (file) fclose(file);
    if (!ok) die("the sections of /proc/self/exe cannot be read: no shared memory to be found");
    return ranges;
}

} // namespace

/* The red zones that ASan puts between the variables are overwritten too, which does no harm but
 * which memset would report. */
#ifdef CUDAHOST_ASAN
__attribute__((no_sanitize("address", "undefined")))
#endif
void poison_static_shared()
{
    static const Ranges ranges = find_ranges();
    for (const auto &range : ranges) {
#ifdef CUDAHOST_ASAN
        for (volatile char *p = range.first, *end = p + range.second; p < end; p++)
            *p = (char)0xFF;
#else
        memset(range.first, 0xFF, range.second);
#endif
    }
}

} // namespace cudahost
