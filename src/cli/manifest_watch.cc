#include "cli/manifest_watch.h"

#include "base/document.h"
#include "base/log.h"
#include "cli/apply.h"
#include "cli/lint_notice.h"
#include "manifest/folder.h"
#include "manifest/references.h"
#include "store/patch.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>

namespace serin::cli {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr Duration look_every = 1s;

// Writes past the REST API, so the objects are reviewed here as that does.
class StoreTarget : public ApplyTarget {
public:
    StoreTarget(ObjectStore& store, const Admission& admission)
        : store_(store), admission_(admission) {}

    Result<Object> get(const ObjectKey& key) override { return store_.get(key); }

    Result<Object> create(const Object& object) override {
        Object reviewed = object;
        SERIN_TRY_DO(review(reviewed, nullptr));
        return store_.create(std::move(reviewed));
    }

    Result<Object> merge_patch(const ObjectKey& key, const json::Value& patch) override {
        SERIN_TRY(const Object old, store_.get(key));
        json::Value changed = store::merge_patch(old.document(), patch);
        if (!changed.is_object()) return fail(ErrorKind::invalid, "the manifest is no object");
        Object reviewed(std::move(changed.get_object()));
        SERIN_TRY_DO(review(reviewed, &old));
        return store_.update(std::move(reviewed));
    }

private:
    Result<> review(Object& object, const Object* old) const {
        for (const Diagnostic& one : admission_.review(object, old)) {
            if (one.severity == Severity::error) {
                return fail(ErrorKind::invalid, to_string(one));
            }
        }
        return {};
    }

    ObjectStore& store_;
    const Admission& admission_;
};

void add_file(const fs::path& path, std::string& text) {
    std::error_code error;
    const auto written = fs::last_write_time(path, error);
    const auto size = fs::file_size(path, error);
    text += fmt::format(
        "{} {} {}\n", path.string(), written.time_since_epoch().count(), error ? 0 : size);
}

}  // namespace

ManifestWatch::ManifestWatch(
    EventLoop& loop,
    ObjectStore& store,
    const Admission& admission,
    std::vector<std::string> paths,
    std::string ns)
    : loop_(loop),
      store_(store),
      admission_(admission),
      paths_(std::move(paths)),
      ns_(std::move(ns)) {}

Result<> ManifestWatch::start() {
    applied_ = fingerprint();
    SERIN_TRY_DO(apply_all());
    look_later();
    return {};
}

std::string ManifestWatch::fingerprint() const {
    std::string text;
    for (const std::string& path : paths_) {
        std::error_code error;
        if (!fs::is_directory(path, error)) {
            add_file(path, text);
            continue;
        }
        std::set<fs::path> files;
        for (auto at = fs::recursive_directory_iterator(path, error);
             !error && at != fs::recursive_directory_iterator();
             at.increment(error)) {
            if (at->is_regular_file(error)) files.insert(at->path());
        }
        for (const fs::path& file : files) add_file(file, text);
    }
    return text;
}

Result<> ManifestWatch::apply_all() {
    manifest::FolderRead read = manifest::read_folders(paths_, ns_);
    const auto lookup = [&](const ObjectKey& key) -> std::optional<Object> {
        auto found = store_.get(key);
        return found ? std::optional(std::move(*found)) : std::nullopt;
    };
    for (Diagnostic& one : manifest::check_references(read.documents, lookup)) {
        read.diagnostics.push_back(std::move(one));
    }
    for (const Diagnostic& one : read.diagnostics) {
        fmt::print(stderr, "{}\n", to_string(one));
    }
    if (has_errors(read.diagnostics)) {
        return fail(ErrorKind::invalid, "the manifests have errors; nothing was applied");
    }

    if (const std::string notice = lint_notice(read.documents, paths_); !notice.empty()) {
        fmt::print(stderr, "{}\n", notice);
    }
    StoreTarget target(store_, admission_);
    for (const Document& document : read.documents) {
        const Object object(document.root.get_object());
        if (object.type() == nullptr) continue;  // Left out, as its diagnostic says.
        const auto applied = apply(target, object, ns_);
        const std::string what = fmt::format("{} {}", object.kind(), object.name());
        if (!applied) return std::unexpected(Error(applied.error()).within(what));
        if (*applied != Applied::unchanged) {
            log::info(
                "manifest_applied",
                {{"object", what}, {"result", std::string(to_string(*applied))}});
        }
    }
    return {};
}

void ManifestWatch::look() {
    if (std::string now = fingerprint(); now != applied_) {
        applied_ = std::move(now);
        if (const auto applied = apply_all(); !applied) {
            log::error("manifests_refused", {{"reason", applied.error().message}});
            // What may work later is tried again; what is wrong waits for the next change.
            if (applied.error().kind != ErrorKind::invalid) applied_.clear();
        }
    }
    look_later();
}

void ManifestWatch::look_later() {
    timer_ = loop_.after(look_every, [this] { look(); });
}

}  // namespace serin::cli
