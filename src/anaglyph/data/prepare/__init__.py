"""What is done once with the files of a data set: conversion, and a look at what is there."""
