// Run one signature of a SavedModel in C++, without Python.
//
// This is the loader and the Session::Run that TensorFlow Serving itself
// calls, with XLA compilation off as there. It is not the server: no RPC, no
// batching, no warm-up. It finds what loading in Python hides: Python
// functions in the graph, compiled parts, operations that need Keras.
//
//   run_saved_model MODEL SIGNATURE OUT INPUT=FILE[,FILE...] ...
//   run_saved_model MODEL
//
// The second form reads requests from standard input, one a line: SIGNATURE OUT
// INPUT=FILE... with blanks between them. It answers each with a line, "= ok" or
// "= error" and the message, and ends with the input.
//
// MODEL is a version folder, such as models/faster_rcnn/1. A FILE that ends in
// .npy is a float32, int32 or uint8 tensor; any other files are the bytes of
// one string each, a batch of them. Every output is written to OUT/NAME.npy,
// strings as bytes of the length of the longest, and one line says its name,
// dtype and shape. Errors go to stderr and the exit status is 1.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/compiler/jit/flags.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/protobuf/meta_graph.pb.h"
#include "tensorflow/core/public/session.h"
#include "tensorflow/core/public/session_options.h"

namespace {

using tensorflow::DataType;
using tensorflow::Tensor;
using tensorflow::TensorShape;

[[noreturn]] void Fail(const std::string& message) {
  throw std::runtime_error(message);
}

void Check(const absl::Status& status, const std::string& doing) {
  if (!status.ok()) Fail(doing + ": " + status.ToString());
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct NpyType {
  DataType dtype;
  const char* descr;
  const char* name;
};

const NpyType kNpyTypes[] = {
    {tensorflow::DT_FLOAT, "<f4", "float32"},
    {tensorflow::DT_INT32, "<i4", "int32"},
    {tensorflow::DT_UINT8, "|u1", "uint8"},
};

// The text between two marks of a .npy header, a Python dict literal.
std::string Between(const std::string& text, const std::string& before,
                    const std::string& after, const std::string& path) {
  size_t begin = text.find(before);
  if (begin == std::string::npos) Fail(path + " is not a .npy file");
  begin += before.size();
  const size_t end = text.find(after, begin);
  if (end == std::string::npos) Fail(path + " is not a .npy file");
  return text.substr(begin, end - begin);
}

// Version 1 of the format, C order: what numpy.save writes for small headers.
Tensor ReadNpy(const std::string& path) {
  const std::string file = ReadFile(path);
  if (file.size() < 10 || file.compare(0, 7, "\x93NUMPY\x01") != 0)
    Fail(path + " is not a .npy file of version 1");
  const size_t length = static_cast<unsigned char>(file[8]) +
                        256 * static_cast<unsigned char>(file[9]);
  if (file.size() < 10 + length) Fail(path + " is cut short");
  const std::string header = file.substr(10, length);
  if (header.find("'fortran_order': False") == std::string::npos)
    Fail(path + " must be in C order");

  TensorShape shape;
  const std::string sizes = Between(header, "'shape': (", ")", path);
  for (const char* at = sizes.c_str(); *at != '\0';) {
    char* end = nullptr;
    const long size = std::strtol(at, &end, 10);
    if (end == at) Fail(path + " has the shape (" + sizes + ")");
    shape.AddDim(size);
    at = end + std::strspn(end, ", ");
  }

  const std::string descr = Between(header, "'descr': '", "'", path);
  for (const NpyType& type : kNpyTypes) {
    if (descr != type.descr) continue;
    Tensor tensor(type.dtype, shape);
    const tensorflow::StringPiece data = tensor.tensor_data();
    if (file.size() - 10 - length != data.size())
      Fail(path + " holds another number of values than its shape says");
    std::memcpy(const_cast<char*>(data.data()), file.data() + 10 + length,
                data.size());
    return tensor;
  }
  Fail(path + " has dtype " + descr + ", not float32, int32 or uint8");
}

void WriteNpy(const std::string& path, const std::string& name,
              const Tensor& tensor) {
  std::string descr, dtype, data;
  for (const NpyType& type : kNpyTypes) {
    if (type.dtype != tensor.dtype()) continue;
    descr = type.descr;
    dtype = type.name;
    data = std::string(tensor.tensor_data());
  }
  if (tensor.dtype() == tensorflow::DT_STRING) {
    const auto texts = tensor.flat<tensorflow::tstring>();
    size_t longest = 1;  // NumPy has no strings of no bytes
    for (int64_t i = 0; i < texts.size(); ++i)
      longest = std::max(longest, texts(i).size());
    for (int64_t i = 0; i < texts.size(); ++i) {
      data.append(texts(i).data(), texts(i).size());
      data.append(longest - texts(i).size(), '\0');
    }
    descr = "|S" + std::to_string(longest);
    dtype = "string";
  }
  if (descr.empty())
    Fail("output " + name + " has dtype " + DataTypeString(tensor.dtype()) +
         ", not float32, int32, uint8 or string");

  std::string shape;
  for (int i = 0; i < tensor.dims(); ++i)
    shape += std::to_string(tensor.dim_size(i)) + ",";
  std::string header = std::string("{'descr': '") + descr +
                       "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // data aligned to 64
  header += '\n';

  std::ofstream file(path, std::ios::binary);
  file << std::string("\x93NUMPY\x01\x00", 8)
       << static_cast<char>(header.size() % 256)
       << static_cast<char>(header.size() / 256) << header
       << data;
  file.close();
  if (!file) Fail("cannot write " + path);
  std::cout << name << " " << dtype << " (" << shape << ")\n";
}

// "a.npy" is a tensor, "a.jpg,b.jpg" a batch of two strings.
Tensor ReadInput(const std::string& files) {
  if (files.size() > 4 && files.compare(files.size() - 4, 4, ".npy") == 0)
    return ReadNpy(files);
  std::vector<std::string> contents;
  for (size_t begin = 0; begin <= files.size();) {
    size_t end = files.find(',', begin);
    if (end == std::string::npos) end = files.size();
    contents.push_back(ReadFile(files.substr(begin, end - begin)));
    begin = end + 1;
  }
  Tensor tensor(tensorflow::DT_STRING,
                TensorShape({static_cast<int64_t>(contents.size())}));
  for (size_t i = 0; i < contents.size(); ++i)
    tensor.vec<tensorflow::tstring>()(i) = contents[i];
  return tensor;
}

void Load(const std::string& folder, tensorflow::SavedModelBundle* bundle) {
  // As tensorflow_model_server does unless it is started with
  // --xla_cpu_compilation_enabled or --xla_gpu_compilation_enabled.
  tensorflow::DisableXlaCompilation();
  Check(tensorflow::LoadSavedModel(tensorflow::SessionOptions(),
                                   tensorflow::RunOptions(), folder, {"serve"},
                                   bundle),
        "loading " + folder);
}

// A request is SIGNATURE OUT INPUT=FILE...
void Run(const tensorflow::SavedModelBundle& bundle,
         const std::vector<std::string>& request) {
  if (request.size() < 3) Fail("a request is SIGNATURE OUT INPUT=FILE...");
  const std::string signature_name = request[0], out = request[1];
  const auto& signatures = bundle.GetSignatures();
  const auto found = signatures.find(signature_name);
  if (found == signatures.end()) {
    std::string known;
    for (const auto& [name, unused] : signatures) known += " " + name;
    Fail("no signature " + signature_name + "; there are:" + known);
  }
  const tensorflow::SignatureDef& signature = found->second;

  std::vector<std::pair<std::string, Tensor>> inputs;
  for (size_t i = 2; i < request.size(); ++i) {
    const std::string& argument = request[i];
    const size_t equals = argument.find('=');
    if (equals == std::string::npos) Fail("not INPUT=FILE: " + argument);
    const std::string name = argument.substr(0, equals);
    const auto input = signature.inputs().find(name);
    if (input == signature.inputs().end())
      Fail("signature " + signature_name + " has no input " + name);
    inputs.emplace_back(input->second.name(),
                        ReadInput(argument.substr(equals + 1)));
  }

  std::vector<std::string> names, fetches;
  for (const auto& [name, info] : signature.outputs()) {
    names.push_back(name);
    fetches.push_back(info.name());
  }
  std::vector<Tensor> outputs;
  Check(bundle.GetSession()->Run(inputs, fetches, {}, &outputs),
        "running " + signature_name);
  for (size_t i = 0; i < names.size(); ++i)
    WriteNpy(out + "/" + names[i] + ".npy", names[i], outputs[i]);
}

void RunLines(const tensorflow::SavedModelBundle& bundle) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    try {
      Run(bundle, {std::istream_iterator<std::string>(words), {}});
      std::cout << "= ok" << std::endl;
    } catch (const std::exception& error) {
      std::string message = error.what();
      std::replace(message.begin(), message.end(), '\n', ' ');
      std::cout << "= error " << message << std::endl;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 2 && argc < 5)
      Fail("usage: run_saved_model MODEL [SIGNATURE OUT INPUT=FILE ...]");
    tensorflow::SavedModelBundle bundle;
    Load(argv[1], &bundle);
    if (argc == 2)
      RunLines(bundle);
    else
      Run(bundle, {argv + 2, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "run_saved_model: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
