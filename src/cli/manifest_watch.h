#pragma once

#include "ports/admission.h"
#include "ports/event_loop.h"
#include "ports/object_store.h"

#include <string>
#include <vector>

namespace serin::cli {

// Applies manifest files to a store, at the start and again whenever one changes. All or nothing:
// with an error anywhere, nothing is applied and what was applied before stays. Objects whose
// manifest disappears stay too (`serin delete` removes them): a file moved away by mistake must not
// end a service.
class ManifestWatch {
public:
    // Loop, store and admission outlive this.
    ManifestWatch(
        EventLoop& loop,
        ObjectStore& store,
        const Admission& admission,
        std::vector<std::string> paths,
        std::string ns);

    // Applies now, and goes on looking for changes. `invalid` when the manifests have errors; each
    // has been printed to standard error with its place.
    Result<> start();

private:
    // Differs when a file was added, removed or written.
    std::string fingerprint() const;
    Result<> apply_all();
    void look();
    void look_later();

    EventLoop& loop_;
    ObjectStore& store_;
    const Admission& admission_;
    std::vector<std::string> paths_;
    std::string ns_;
    std::string applied_;
    EventLoop::Watch timer_;
};

}  // namespace serin::cli
