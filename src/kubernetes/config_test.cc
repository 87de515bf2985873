#include "kubernetes/config.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdlib.h>

namespace serin::kubernetes {

namespace {

class Folder {
public:
    Folder() {
        path_ = (std::filesystem::temp_directory_path() / "serin-kubeconfig-XXXXXX").string();
        REQUIRE(mkdtemp(path_.data()) != nullptr);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ + "/" + name) << text;
        return path_ + "/" + name;
    }

private:
    std::string path_;
};

const char* const usual = R"(apiVersion: v1
kind: Config
current-context: work
clusters:
- name: lab
  cluster: {server: "https://10.0.0.1:6443/", certificate-authority-data: Q0EK}
- name: plain
  cluster: {server: "https://lab.example", insecure-skip-tls-verify: true}
users:
- name: ana
  user: {client-certificate: ana.crt, client-key-data: S0VZCg==}
- name: robot
  user: {token: secret-token}
- name: cloud
  user: {exec: {command: gke-gcloud-auth-plugin, apiVersion: v1}}
contexts:
- name: work
  context: {cluster: lab, user: ana, namespace: shop}
- name: robot
  context: {cluster: plain, user: robot}
- name: cloud
  context: {cluster: plain, user: cloud}
- name: lost
  context: {cluster: nowhere, user: robot}
)";

}  // namespace

TEST_CASE("a kubeconfig gives server, authority and credentials of its context") {
    const Folder folder;
    folder.write("ana.crt", "CERT\n");
    const std::string file = folder.write("config", usual);

    const auto work = read_kubeconfig({file}, "");
    REQUIRE_MESSAGE(work, work.error().message);
    CHECK(work->server == "https://10.0.0.1:6443");
    CHECK(work->ns == "shop");
    CHECK(work->ca_pem == "CA\n");
    CHECK(work->certificate_pem == "CERT\n");
    CHECK(work->key_pem == "KEY\n");
    CHECK(work->verify_peer);

    const auto robot = read_kubeconfig({folder.path() + "/missing", file}, "robot");
    REQUIRE_MESSAGE(robot, robot.error().message);
    CHECK(robot->token == "secret-token");
    CHECK_FALSE(robot->verify_peer);
    CHECK(robot->ns == "default");
}

TEST_CASE("what cannot be used of a kubeconfig is refused with its place") {
    const Folder folder;
    const std::string file = folder.write("config", usual);
    const auto error = [&](const char* context) {
        const auto read = read_kubeconfig({file}, context);
        REQUIRE_FALSE(read);
        CHECK(read.error().message.starts_with(file));
        CHECK_FALSE(read.error().message.contains("secret"));
        return read.error().message.substr(file.size());
    };
    CHECK(error("cloud").starts_with(": users[2].user.exec: is not supported"));
    CHECK(error("lost") == ": clusters: there is no \"nowhere\"");
    CHECK(error("other") == ": contexts: there is no \"other\"");
    CHECK(error("work").contains("users[0].user.client-certificate"));  // The file is missing.
    CHECK(read_kubeconfig({folder.path() + "/none"}, "").error().kind == ErrorKind::not_found);
    const std::string broken = folder.write("broken", "clusters: [");
    CHECK(read_kubeconfig({broken}, "").error().kind == ErrorKind::invalid);
}

TEST_CASE("a pod finds the API and its token") {
    const Folder folder;
    CHECK(in_cluster_config(folder.path(), "", "").error().kind == ErrorKind::not_found);
    folder.write("ca.crt", "CA\n");
    CHECK_FALSE(in_cluster_config(folder.path(), "10.96.0.1", "443"));  // Without a token.
    folder.write("token", "t");
    folder.write("namespace", "serin\n");
    const auto config = in_cluster_config(folder.path(), "10.96.0.1", "443");
    REQUIRE_MESSAGE(config, config.error().message);
    CHECK(config->server == "https://10.96.0.1:443");
    CHECK(config->ns == "serin");
    CHECK(config->token_file == folder.path() + "/token");
    CHECK(in_cluster_config(folder.path(), "fd00::1", "443")->server == "https://[fd00::1]:443");
}

}  // namespace serin::kubernetes
