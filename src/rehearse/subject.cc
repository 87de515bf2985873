#include "rehearse/subject.h"

#include "manifest/admission.h"
#include "manifest/argo/workload.h"
#include "manifest/folder.h"
#include "manifest/references.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace serin::rehearse {

namespace {

constexpr std::string_view former_annotation = "/metadata/annotations/serin.dev~1rehearsal";

void complain(SubjectRead& read, std::string message, std::string suggestion = {}) {
    Diagnostic diagnostic;
    diagnostic.message = std::move(message);
    diagnostic.suggestion = std::move(suggestion);
    read.diagnostics.push_back(std::move(diagnostic));
}

bool is_wanted(const Object& object, const std::string& rollout) {
    return object.type() == &types::rollout() && (rollout.empty() || object.name() == rollout);
}

// The document's place for what lowering does not support.
void place(Diagnostic& diagnostic, const Document& document) {
    diagnostic.file = document.file;
    std::string pointer = "/" + diagnostic.path;
    std::ranges::replace(pointer, '.', '/');
    std::ranges::replace(pointer, '[', '/');
    std::erase(pointer, ']');
    const Mark mark = document.mark(pointer);
    diagnostic.line = mark.line;
    diagnostic.column = mark.column;
}

void take(SubjectRead& read, Object object, const std::string& rollout) {
    // A rehearsal begins with what the manifests say, whatever they were exported from.
    object.erase("/status");
    object.erase("/metadata/resourceVersion");
    object.erase("/metadata/uid");
    static_cast<void>(manifest::ManifestAdmission().review(object, nullptr));
    if (is_wanted(object, rollout)) {
        read.subject.rollout = std::move(object);
    } else if (object.type() != &types::rollout()) {
        read.subject.objects.push_back(std::move(object));
    }
}

// The old version is told from the new one by its pod template alone.
void make_former(Subject& subject) {
    subject.former = subject.rollout;
    Object* with_template = &subject.former;
    if (const auto key = argo::workload_of(subject.rollout)) {
        for (Object& object : subject.objects) {
            if (object.key() != *key) continue;
            subject.workload = object;
            with_template = &object;
        }
    }
    if (with_template->find("/spec/template") != nullptr) {
        with_template->put(
            "/spec/template" + std::string(former_annotation), json::string("former"));
    }
    subject.is_blue_green = subject.rollout.find("/spec/strategy/blueGreen") != nullptr;
}

}  // namespace

std::string Subject::route() const {
    if (!lowered.route) return name();
    for (const char* field : {"httpRoute", "name"}) {
        if (const auto text = json::text(lowered.route->config.if_contains(field))) {
            return std::string(*text);
        }
    }
    return name();
}

SubjectRead read_subject(
    const std::vector<std::string>& paths, const std::string& ns, const std::string& rollout) {
    manifest::FolderRead folder = manifest::read_folders(paths, ns);
    SubjectRead read{.diagnostics = std::move(folder.diagnostics)};
    for (Diagnostic& one : manifest::check_references(
             folder.documents, [](const ObjectKey&) { return std::nullopt; })) {
        read.diagnostics.push_back(std::move(one));
    }
    if (has_errors(read.diagnostics)) return read;

    int found = 0;
    const Document* document = nullptr;
    for (const Document& one : folder.documents) {
        const json::Object* root = json::object(&one.root);
        if (root == nullptr) continue;
        Object object(*root);
        if (object.type() == nullptr) continue;
        if (is_wanted(object, rollout)) {
            ++found;
            document = &one;
        }
        take(read, std::move(object), rollout);
    }
    if (found == 0) {
        complain(
            read,
            rollout.empty() ? "there is no Rollout in the manifests"
                            : fmt::format("there is no Rollout \"{}\" in the manifests", rollout));
        return read;
    }
    if (found > 1) {
        complain(read, "there are several Rollouts in the manifests", "name one with --rollout");
        return read;
    }
    make_former(read.subject);
    read.subject.lowered = argo::lower(read.subject.rollout);
    for (Diagnostic one : read.subject.lowered.diagnostics) {
        place(one, *document);
        read.diagnostics.push_back(std::move(one));
    }
    const auto& routing = read.subject.lowered.plan.routing;
    if (routing && routing->alternates) {
        complain(
            read,
            "pingPong cannot be rehearsed: the simulated router does not know services by name",
            "rehearse it with stableService and canaryService, which releases the same way");
    }
    if (read.subject.lowered.route && read.subject.lowered.route->has_sides) {
        complain(
            read,
            "subsets of a DestinationRule cannot be rehearsed: the simulated router leads to "
            "Services",
            "rehearse it with stableService and canaryService, which releases the same way");
    }
    if (read.subject.lowered.replicas == 0) {
        complain(read, "spec.replicas is 0: nothing serves, so nothing can be rehearsed");
    }
    return read;
}

}  // namespace serin::rehearse
